// A square between four pictures: the picture shown is the one at the dot. All pictures are in the browser; the position is
// sent to the server when the pointer or the key is lifted, so that the server can save the picture. A new pad stands where
// the last one of this tab was put.

const DOT = "explorer-pad-place"

class Pad extends PlaceSender {
  constructor(root) {
    super("at", [0.5, 0.5])
    this.find = (selector) => root.querySelector(selector)
    this.field = this.find(".field")
    this.face = this.find(".face")
    this.corners = root.querySelectorAll(".corner canvas")
    dragged(this.field, (x, y) => this.go(x, y), () => this.send())
    this.field.onkeydown = (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
      if (!step) return
      event.preventDefault()
      this.go(this.place[0] + step[0] * 0.04, this.place[1] + step[1] * 0.04)
    }
    this.field.onkeyup = this.field.onblur = () => this.send()
  }

  keep() {
    remember(DOT, this.place)
  }

  async load(data, send) {
    this.post = send
    this.field.setAttribute("aria-label", data.alt)
    this.alt = data.alt
    if (this.uri === data.uri) return
    const kept = this.uri ? null : recall(DOT)
    if (kept) [this.place, this.sent] = [kept, null] // the server may hold another place
    this.uri = data.uri
    const image = await decoded(data.uri)
    if (this.uri !== data.uri) return
    this.sheet = new Sheet(image, data.side, data.side ** 2)
    this.side = data.side
    this.lost = new Set(data.lost)
    this.find(".lost").textContent = `This picture ${data.lostWords}.`
    this.face.height = this.sheet.heightOf(this.face.width)
    this.field.style.setProperty("--aspect", `${this.sheet.width} / ${this.sheet.height}`)
    const last = data.side ** 2 - 1
    const ends = [0, data.side - 1, last - data.side + 1, last]
    this.corners.forEach((canvas, index) => this.sheet.draw(canvas, ends[index]))
    this.go(...this.place)
    if (!this.sent) this.send()
  }

  // Move the dot and blend the four nearest pictures of the grid bilinearly.
  go(x, y) {
    this.place = [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))]
    if (!this.sheet) return
    const [px, py] = this.place.map((v) => v * (this.side - 1))
    const [column, row] = [px, py].map((v) => Math.min(this.side - 2, Math.floor(v)))
    const [u, v] = [px - column, py - row]
    const first = row * this.side + column
    this.sheet.draw(this.face, first)
    // They are drawn over each other: each opacity is the picture's share among those drawn so far.
    let painted = (1 - u) * (1 - v)
    for (const [dx, dy, share] of [[1, 0, u * (1 - v)], [0, 1, (1 - u) * v], [1, 1, u * v]]) {
      painted += share
      if (share > 0) this.sheet.draw(this.face, first + dy * this.side + dx, share / painted)
    }
    this.find(".lost").hidden = !this.lost.has(Math.round(py) * this.side + Math.round(px))
    const dot = this.find(".dot")
    dot.style.left = `${this.place[0] * 100}%`
    dot.style.top = `${this.place[1] * 100}%`
    const [s, t] = this.place
    const shares = [["A", (1 - s) * (1 - t)], ["B", s * (1 - t)], ["C", (1 - s) * t], ["D", s * t]]
    const text = shares.map(([name, share]) => `${name} ${Math.round(share * 100)} %`).join(" · ")
    this.find(".shares").textContent = text
    this.face.setAttribute("aria-label", `${this.alt}: ${text}`)
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const pad = instanceOf(parentElement, () => new Pad(parentElement))
  if (data) pad.load(data, (place) => setStateValue("at", place))
  return whenGone(parentElement, () => pad.remove())
}
