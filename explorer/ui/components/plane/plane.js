// The map: points that are pictures, and between them a plane where every place is a face.

const HELP = {
  look: "Click a point, or anywhere else to see what is there. Wheel or + and − zoom, drag moves, arrows walk, Enter opens the nearest point.",
  draw: "Draw with the mouse held down; the path becomes a film. By keyboard: arrows walk, space sets a corner, Enter makes the film.",
}
const LINES = [{ width: 2, dashes: [] }, { width: 1.5, dashes: [6, 4] }] // round half of the points, round nine in ten
const STEP = 0.2
const NEAR = 7
let dense = true // as it was left, when the page is come back to

class Plane {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector)
    this.canvas = this.find(".chart")
    this.tip = this.find(".tip")
    this.view = { x: 0, y: 0, zoom: 1 }
    this.mode = "look"
    this.path = []
    this.spot = null
    this.wire = new Wire((message) => this.send(message))
    this.onReceived = ({ detail }) => this.wire.acknowledge(detail)
    window.addEventListener("explorer-received", this.onReceived)
    for (const button of root.querySelectorAll("[data-mode]")) button.onclick = () => this.setMode(button.dataset.mode)
    for (const button of root.querySelectorAll(".near")) button.onclick = () => this.zoom(Number(button.dataset.zoom))
    this.find(".density").onclick = () => this.setDense(!dense)
    this.canvas.onpointerdown = (event) => this.down(event)
    this.canvas.onpointermove = (event) => this.move(event)
    this.canvas.onpointerup = (event) => this.up(event)
    this.canvas.onpointerleave = () => { this.tip.hidden = true }
    this.canvas.onwheel = (event) => this.wheel(event)
    this.canvas.onkeydown = (event) => this.key(event)
    this.observer = new ResizeObserver(() => this.draw())
    this.setMode("look")
  }

  close() {
    this.wire.close()
    this.observer.disconnect()
    window.removeEventListener("explorer-received", this.onReceived)
  }

  setMode(mode) {
    this.mode = mode
    this.find(".help").textContent = HELP[mode]
    for (const name of ["look", "draw"]) {
      this.find(`[data-mode="${name}"]`).setAttribute("aria-pressed", String(name === mode))
    }
  }

  setDense(on) {
    dense = on
    this.find(".density").setAttribute("aria-pressed", String(dense))
    this.find(".lines").hidden = !dense
    this.draw()
  }

  async load(data, send) {
    this.observer.observe(this.canvas)
    // Where the walk stands is known here; the server says it only to a page that has just been opened.
    if (!this.data) [this.spot, this.path] = [data.spot, data.path ?? []]
    this.data = data
    this.send = send
    this.canvas.setAttribute("aria-label", data.alt)
    this.find(".groups").replaceChildren(...data.labels.map((text, index) => {
      const dot = element("i")
      dot.style.background = data.colors[index]
      return element("span", {}, dot, text)
    }))
    this.find(".dense").hidden = !data.outlines.length
    this.setDense(dense)
    if (this.uri !== data.uri) {
      this.uri = data.uri
      this.sheet = await decoded(data.uri)
    }
    this.draw()
  }

  // Plane to canvas and back; one unit is one standard deviation.
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

  near(event) {
    const box = this.canvas.getBoundingClientRect()
    return this.nearest([event.clientX - box.left, event.clientY - box.top], NEAR)
  }

  // The point next to a place of the canvas, at most so many pixels away; -1 for none.
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

  down(event) {
    this.canvas.setPointerCapture(event.pointerId)
    this.start = { at: [event.clientX, event.clientY], view: { ...this.view }, path: this.path, moved: false }
    if (this.mode === "draw") this.path = [this.toPlane(event)]
  }

  move(event) {
    if (!this.data) return
    if (!this.start) return this.hover(event)
    const [dx, dy] = [event.clientX - this.start.at[0], event.clientY - this.start.at[1]]
    if (Math.hypot(dx, dy) > 4) this.start.moved = true
    if (this.mode === "draw") {
      this.path.push(this.toPlane(event))
    } else if (this.start.moved) {
      this.view.x = this.start.view.x - dx / this.unit
      this.view.y = this.start.view.y + dy / this.unit
    }
    this.draw()
  }

  up(event) {
    const start = this.start
    this.start = null
    if (!start || !this.data) return
    if (this.mode === "draw") {
      if (this.path.length > 2) return this.film()
      this.path = start.path // no path: the film is still of the one before
      return this.draw()
    }
    if (start.moved) return
    const point = this.near(event)
    if (point >= 0) this.open(point)
    else this.go(this.toPlane(event))
  }

  open(point) {
    this.choose(this.data.points[point], { point })
  }

  go(spot) {
    this.choose(spot, { spot })
  }

  // What is shown beside is now of this place, and no film of a path any more.
  choose(spot, message) {
    this.spot = spot
    this.path = []
    this.draw()
    this.wire.post(message)
  }

  key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    const factor = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, 0: 0 }[event.key]
    const [x, y] = this.spot ?? [0, 0]
    if (way) {
      this.spot = [x + (way[0] * STEP) / this.view.zoom, y + (way[1] * STEP) / this.view.zoom]
      if (this.mode === "look") this.go(this.spot)
    } else if (factor !== undefined) {
      this.zoom(factor)
    } else if (event.key === " " && this.mode === "draw") {
      if (this.drawn) this.path = []
      this.drawn = false
      this.path.push([x, y])
    } else if (event.key === "Enter" && this.mode === "draw" && this.path.length > 1) {
      this.film()
    } else if (event.key === "Enter" && this.mode === "look") {
      const point = this.nearest(this.toCanvas([x, y]), Infinity)
      if (point >= 0) this.open(point)
    } else {
      return
    }
    event.preventDefault()
    this.draw()
  }

  film() {
    this.drawn = true
    this.wire.post({ path: this.path.slice(0, 2000) })
  }

  // By a factor about the chosen place, else about the middle; 0 is the whole map.
  zoom(factor) {
    const zoom = Math.min(20, Math.max(0.5, this.view.zoom * factor))
    const [x, y] = this.spot ?? [this.view.x, this.view.y]
    this.view = factor ? { x, y, zoom } : { x: 0, y: 0, zoom: 1 }
    this.draw()
  }

  wheel(event) {
    event.preventDefault()
    const [x, y] = this.toPlane(event)
    const zoom = Math.min(20, Math.max(0.5, this.view.zoom * Math.exp(-event.deltaY / 500)))
    const factor = this.view.zoom / zoom
    this.view = { x: x + (this.view.x - x) * factor, y: y + (this.view.y - y) * factor, zoom }
    this.draw()
  }

  hover(event) {
    const index = this.near(event)
    this.tip.hidden = index < 0 || !this.sheet
    this.canvas.style.cursor = index < 0 ? "crosshair" : "pointer"
    if (this.tip.hidden) return
    const { columns, side } = this.data
    const [column, row] = [index % columns, Math.floor(index / columns)]
    drawPart(this.tip.querySelector("canvas"), this.sheet, column * side, row * side, side, side)
    this.tip.querySelector("span").textContent = this.data.labels[this.data.groups[index]] ?? ""
    const [x, y] = this.toCanvas(this.data.points[index])
    this.tip.style.left = `${Math.min(this.width - 110, x + 12)}px`
    this.tip.style.top = `${this.canvas.offsetTop + Math.min(this.height - 120, Math.max(0, y - 50))}px`
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
    const radius = 3.2 * Math.min(2.2, Math.max(1, Math.sqrt(this.view.zoom)))
    context.globalAlpha = 0.8
    // Group by group, the last first, so that points of which nothing is known lie under the others.
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
    const ink = style.getPropertyValue("--st-text-color") || "#333"
    if (dense) this.outlines(context, ink)
    context.globalAlpha = 1
    if (this.path.length) this.line(context, ink)
    if (this.spot) this.cross(context, ink)
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

export default function ({ data, parentElement, setStateValue }) {
  const plane = instanceOf(parentElement, () => new Plane(parentElement))
  if (data) plane.load(data, (message) => setStateValue("went", message))
  return () => plane.close()
}
