// The user's photo with the edited face put back into it, as portraits/faces.py does for the file that is saved: only the
// difference between the edited and the original face is enlarged, so that the photo stays sharp.

const FEATHER = 0.14 // fraction of the face's side over which the difference fades out
const FINE = 256 // pixels to which the difference is enlarged before it is sampled

// Return the weights of four neighbours for a position between the second and the third (cubic convolution, a = -0.75).
function cubic(t) {
  const a = -0.75
  const far = (x) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
  const near = (x) => ((a + 2) * x - (a + 3)) * x * x + 1
  return [far(1 + t), near(t), near(1 - t), far(2 - t)]
}

// Enlarge rows of `width` values with 3 channels each, and return them transposed: two calls enlarge both sides.
function enlargedRows(values, width, height, factor) {
  const wide = width * factor
  const result = new Float32Array(wide * height * 3)
  for (let x = 0; x < wide; x++) {
    const place = (x + 0.5) / factor - 0.5
    const first = Math.floor(place)
    const weights = cubic(place - first)
    for (let k = 0; k < 4; k++) {
      const from = Math.min(width - 1, Math.max(0, first - 1 + k))
      for (let y = 0; y < height; y++) {
        for (let c = 0; c < 3; c++) result[(x * height + y) * 3 + c] += weights[k] * values[(y * width + from) * 3 + c]
      }
    }
  }
  return result
}

class FaceInPhoto {
  // `matrix` maps the pixels of the photo's `image` to those of the face, row by row. `others` has the numbers of the other
  // faces with their corners as fractions of the photo's sides.
  constructor({ key, image, matrix, others }, original) {
    this.key = key
    this.image = image
    const inPixels = ([x, y]) => [x * image.naturalWidth, y * image.naturalHeight]
    this.others = others.map(([face, corners]) => [face, corners.map(inPixels)])
    this.size = original.naturalWidth
    this.face = element("canvas", { width: this.size, height: this.size })
    this.context = this.face.getContext("2d", { willReadFrequently: true })
    const scale = Math.hypot(matrix[0], matrix[3])
    if (scale > 1) this.context.filter = `blur(${scale / 2}px)` // smaller in the photo than in the model's picture
    this.original = this.pixels((canvas) => drawTile(canvas, original))
    this.factor = Math.max(1, Math.round(FINE / this.size))
    const [a, b, c, d, e, f] = matrix
    const shift = (v) => (v + 0.5) * this.factor - 0.5
    this.matrix = [a * this.factor, b * this.factor, shift(c), d * this.factor, e * this.factor, shift(f)]
    const last = this.size - 1
    const ramp = (v) => Math.min(1, Math.max(0, (Math.min(v, last - v) - 1.5) / (FEATHER * this.size)))
    const smooth = (t) => t * t * (3 - 2 * t)
    this.ramp = Float32Array.from({ length: this.size }, (_, v) => smooth(ramp(v)))
  }

  // The side of the photo's largest face as a fraction of the photo's longer side: the same whichever face is edited.
  get share() {
    const [a, , , d] = this.matrix
    const sides = this.others.map(([, [[x, y], [u, v]]]) => Math.hypot(u - x, v - y))
    const largest = Math.max((this.size * this.factor) / Math.hypot(a, d), ...sides)
    return largest / Math.max(this.image.naturalWidth, this.image.naturalHeight)
  }

  // Return the face's values after `paint` has drawn it on a canvas of its own size.
  pixels(paint) {
    this.context.clearRect(0, 0, this.size, this.size) // a blurred border would mix with the picture before
    paint(this.face)
    return this.context.getImageData(0, 0, this.size, this.size).data
  }

  // Draw the photo with the face that `paint` draws.
  draw(canvas, paint) {
    const context = canvas.getContext("2d")
    context.drawImage(this.image, 0, 0)
    const change = this.change(this.pixels(paint))
    const { left, top, width, height } = this.box(canvas)
    if (!change || width <= 0 || height <= 0) return
    const part = context.getImageData(left, top, width, height)
    this.add(part, change, left, top)
    context.putImageData(part, left, top)
  }

  // Return the enlarged difference to the original face, null if there is none.
  change(face) {
    const values = new Float32Array(this.size * this.size * 3)
    let some = false
    for (let y = 0, i = 0; y < this.size; y++) {
      for (let x = 0; x < this.size; x++) {
        const [weight, from] = [this.ramp[x] * this.ramp[y], 4 * (y * this.size + x)]
        for (let c = 0; c < 3; c++, i++) {
          values[i] = weight * (face[from + c] - this.original[from + c])
          some ||= values[i] !== 0
        }
      }
    }
    if (!some) return null
    const across = enlargedRows(values, this.size, this.size, this.factor)
    return enlargedRows(across, this.size, this.size * this.factor, this.factor)
  }

  // The corners of the face in pixels of the photo, one beside the next.
  get corners() {
    const [a, b, c, d, e, f] = this.matrix
    const [det, last] = [a * e - b * d, this.size * this.factor - 1]
    return [[0, 0], [last, 0], [last, last], [0, last]].map(([u, v]) =>
      [(e * (u - c) - b * (v - f)) / det, (a * (v - f) - d * (u - c)) / det])
  }

  // Return the part of the photo that the face covers.
  box(canvas) {
    const [xs, ys] = [0, 1].map((axis) => this.corners.map((corner) => corner[axis]))
    const left = Math.max(0, Math.floor(Math.min(...xs)))
    const top = Math.max(0, Math.floor(Math.min(...ys)))
    const width = Math.min(canvas.width, Math.ceil(Math.max(...xs)) + 1) - left
    return { left, top, width, height: Math.min(canvas.height, Math.ceil(Math.max(...ys)) + 1) - top }
  }

  add({ data, width, height }, change, left, top) {
    const [a, b, c, d, e, f] = this.matrix
    const side = this.size * this.factor
    for (let y = 0, to = 0; y < height; y++) {
      for (let x = 0; x < width; x++, to += 4) {
        const u = a * (x + left) + b * (y + top) + c
        const v = d * (x + left) + e * (y + top) + f
        if (u < 0 || v < 0 || u >= side - 1 || v >= side - 1) continue
        const [column, row] = [Math.floor(u), Math.floor(v)]
        const [s, t, from] = [u - column, v - row, 3 * (row * side + column)]
        for (let k = 0; k < 3; k++) {
          const at = from + k
          const upper = change[at] + s * (change[at + 3] - change[at])
          const lower = change[at + 3 * side] + s * (change[at + 3 * side + 3] - change[at + 3 * side])
          data[to + k] += upper + t * (lower - upper)
        }
      }
    }
  }
}
