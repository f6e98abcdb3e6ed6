// Drawing of the map: pictures as points on a plane, outlines of their density, the cross and the path.

const LINES = [{ width: 2, dashes: [] }, { width: 1.5, dashes: [6, 4] }] // around half of the points, around nine in ten
const NEAR = 7 // pixels around a dot that select it
const FACE = 36 // pixels, the side of such a picture
const RING = 2.5 // pixels, the border in the colour of its group
const EDGE = 14 // pixels between the edge of the canvas and the middle of the edit's ring
let dense = true // kept when the page is left

class PlaneView {
  constructor(canvas) {
    this.canvas = canvas
    this.view = { x: 0, y: 0, zoom: 1 }
    this.path = []
    this.spot = null
  }

  // Pixels per unit of the plane, which is one standard deviation; then from plane to canvas, and from events to plane.
  get unit() { return (Math.min(this.width, this.height) / 2 / this.data.reach) * this.view.zoom }
  toCanvas([x, y]) {
    return [this.width / 2 + (x - this.view.x) * this.unit, this.height / 2 - (y - this.view.y) * this.unit]
  }
  toPlane(event) {
    const box = this.canvas.getBoundingClientRect()
    return [
      this.view.x + (event.clientX - box.left - this.width / 2) / this.unit,
      this.view.y - (event.clientY - box.top - this.height / 2) / this.unit,
    ]
  }

  // Return the index of the point nearest to a place on the canvas, at most `most` pixels away, or -1.
  nearest([px, py], most) {
    let best = -1
    let least = most ** 2
    this.data.points.forEach((point, index) => {
      const [x, y] = this.toCanvas(point)
      const distance = (x - px) ** 2 + (y - py) ** 2
      if (distance < least) [best, least] = [index, distance]
    })
    return best
  }

  draw() {
    if (!this.data || !this.canvas.clientWidth) return
    const ratio = window.devicePixelRatio || 1
    this.width = this.canvas.clientWidth
    this.height = this.canvas.clientHeight
    this.canvas.width = this.width * ratio
    this.canvas.height = this.height * ratio
    const context = this.canvas.getContext("2d")
    context.scale(ratio, ratio)
    const style = getComputedStyle(this.canvas)
    this.axes(context, style.getPropertyValue("--st-border-color") || "#8884")
    const seen = this.sheet ? this.inView() : []
    if (seen.length && seen.length <= this.data.few) this.faces(context, seen)
    else this.dots(context)
    const ink = style.getPropertyValue("--st-text-color") || "#333"
    this.ends(context, ink, style)
    context.globalAlpha = 0.8
    if (dense) this.outlines(context, ink)
    context.globalAlpha = 1
    if (this.data.here) this.edit(context, style)
    if (this.path.length) this.line(context, ink)
    if (this.spot) this.cross(context, ink)
  }

  // Return the indices of the points whose pictures would be visible, at least in part.
  inView() {
    const indices = [...this.data.points.keys()]
    return indices.filter((index) => {
      const [x, y] = this.toCanvas(this.data.points[index])
      return Math.abs(x - this.width / 2) < (this.width + FACE) / 2 && Math.abs(y - this.height / 2) < (this.height + FACE) / 2
    })
  }

  // Distance in pixels at which a point is selected: for a picture, to its corners.
  get reachOfPoint() { return this.drawnFaces ? FACE / Math.SQRT2 : NEAR }

  faces(context, indices) {
    this.drawnFaces = true
    const { columns, side } = this.data
    context.imageSmoothingQuality = "high"
    for (const index of indices) {
      const [x, y] = this.toCanvas(this.data.points[index])
      context.fillStyle = this.data.colors[this.data.groups[index]]
      context.fillRect(x - FACE / 2 - RING, y - FACE / 2 - RING, FACE + 2 * RING, FACE + 2 * RING)
      const [left, top] = [(index % columns) * side, Math.floor(index / columns) * side]
      context.drawImage(this.sheet, left, top, side, side, x - FACE / 2, y - FACE / 2, FACE, FACE)
    }
  }

  dots(context) {
    this.drawnFaces = false
    const radius = 3.2 * Math.min(2.2, Math.max(1, Math.sqrt(this.view.zoom)))
    context.globalAlpha = 0.8
    // Groups are drawn last first, so that points without a known group lie below the others.
    for (let group = this.data.colors.length - 1; group >= 0; group -= 1) {
      context.fillStyle = this.data.colors[group]
      context.beginPath()
      this.data.points.forEach((point, index) => {
        if (this.data.groups[index] !== group) return
        const [x, y] = this.toCanvas(point)
        context.moveTo(x + radius, y)
        context.arc(x, y, radius, 0, 7)
      })
      context.fill()
    }
  }

  axes(context, color) {
    const [x, y] = this.toCanvas([0, 0])
    context.strokeStyle = color
    context.lineWidth = 1
    context.beginPath()
    context.moveTo(x, 0); context.lineTo(x, this.height)
    context.moveTo(0, y); context.lineTo(this.width, y)
    context.stroke()
  }

  // Write at the edges what the axes mean, on the colour of the plane because dots lie below.
  ends(context, ink, style) {
    const [left, right, down, up] = this.data.ends
    const [x, y] = [this.width / 2, this.height / 2]
    context.font = `600 12px ${style.fontFamily}`
    context.textBaseline = "middle"
    const edges = [[left, 10, y, "left"], [right, this.width - 10, y, "right"], [down, x, this.height - 14, "center"], [up, x, 14, "center"]]
    for (const [text, atX, atY, align] of edges) {
      if (!text) continue
      context.textAlign = align
      context.lineWidth = 5
      context.lineJoin = "round"
      context.strokeStyle = style.backgroundColor
      context.strokeText(text, atX, atY)
      context.fillStyle = ink
      context.fillText(text, atX, atY)
    }
  }

  outlines(context, ink) {
    context.strokeStyle = ink
    context.lineJoin = "round"
    this.data.outlines.forEach((lines, index) => {
      context.lineWidth = LINES[index].width
      context.setLineDash(LINES[index].dashes)
      context.beginPath()
      for (const line of lines) line.forEach((place, at) => context[at ? "lineTo" : "moveTo"](...this.toCanvas(place)))
      context.stroke()
    })
    context.setLineDash([])
  }

  line(context, ink) {
    context.strokeStyle = ink
    context.lineWidth = 2.5
    context.lineJoin = "round"
    context.beginPath()
    for (const point of this.path) context.lineTo(...this.toCanvas(point))
    context.stroke()
    if (this.mode !== "draw" || this.path.length > 30) return
    context.fillStyle = ink
    for (const point of this.path) {
      const [x, y] = this.toCanvas(point)
      context.fillRect(x - 3, y - 3, 6, 6)
    }
  }

  // Ring the place of the present edit, with a halo because the dots have the colour of the theme too. For a place outside
  // the canvas, or at its edge, the ring is at the edge and has a tip that points there.
  edit(context, style) {
    const place = this.toCanvas(this.data.here)
    const [x, y] = [this.width, this.height].map((side, axis) => Math.min(side - EDGE, Math.max(EDGE, place[axis])))
    const [angle, far] = [Math.atan2(place[1] - y, place[0] - x), x !== place[0] || y !== place[1]]
    const open = far ? Math.PI / 4 : 0
    context.lineJoin = "round"
    for (const [name, width] of [["--st-background-color", 8], ["--st-primary-color", 3.5]]) {
      context.strokeStyle = style.getPropertyValue(name)
      context.lineWidth = width
      context.beginPath()
      context.arc(x, y, 8, angle + open, angle + 2 * Math.PI - open)
      if (far) context.lineTo(x + 8 * Math.SQRT2 * Math.cos(angle), y + 8 * Math.SQRT2 * Math.sin(angle))
      context.closePath()
      context.stroke()
    }
  }

  cross(context, ink) {
    const [x, y] = this.toCanvas(this.spot)
    context.strokeStyle = ink
    context.lineWidth = 2
    context.beginPath()
    context.arc(x, y, 9, 0, 7)
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 5 * dx, y + 5 * dy)
      context.lineTo(x + 15 * dx, y + 15 * dy)
    }
    context.stroke()
  }
}
