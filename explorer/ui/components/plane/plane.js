// Input on the map: clicks, drawn paths, keys and zoom, and the messages about them.

// A touch screen has neither wheel nor keys, and a vertical swipe scrolls the page.
const HELP = matchMedia("(pointer: coarse)").matches ? {
  look: "Tap a point, or anywhere else to see what is there. + and − zoom, a finger to the side moves.",
  draw: "Draw with a finger; the path becomes a film.",
} : {
  look: "Click a point, or anywhere else to see what is there. Wheel or + and − zoom, drag moves, arrows walk, Enter opens the nearest point.",
  draw: "Draw with the mouse held down; the path becomes a film. By keyboard: arrows walk, space sets a corner, Enter makes the film.",
}
const REPLACES = " Another place replaces the path."
const STEP = 0.2
const LONGEST_PATH = 2000 // points, as in plane/__init__.py
const VIEW = "explorer-map-view" // of a map, kept for the next visit of the page

class Plane extends PlaneView {
  constructor(root) {
    super(root.querySelector(".chart"))
    this.find = (selector) => root.querySelector(selector)
    this.tip = this.find(".tip")
    this.mode = "look"
    this.wire = new Wire((message) => this.send(message))
    this.listening = new AbortController()
    const { signal } = this.listening
    window.addEventListener("explorer-received", ({ detail }) => this.wire.acknowledge(detail), { signal })
    window.addEventListener("explorer-save", (event) => {
      if (this.wire.inFlight || this.wire.waiting.length) event.preventDefault()
    }, { signal })
    window.addEventListener("explorer-film", ({ detail }) => this.follow(detail), { signal })
    for (const button of root.querySelectorAll("[data-mode]")) button.onclick = () => this.setMode(button.dataset.mode)
    for (const button of root.querySelectorAll(".near")) button.onclick = () => this.zoom(Number(button.dataset.zoom))
    this.find(".density").onclick = () => this.setDense(!dense)
    this.find(".clear").onclick = () => this.clear()
    this.canvas.onpointerdown = (event) => this.down(event)
    this.canvas.onpointermove = (event) => this.move(event)
    this.canvas.onpointerup = (event) => this.up(event)
    this.canvas.onpointercancel = () => this.cancel()
    this.canvas.onpointerleave = () => { this.tip.hidden = true }
    this.canvas.onwheel = (event) => this.wheel(event)
    this.canvas.onkeydown = (event) => this.key(event)
    this.observer = new ResizeObserver(() => this.draw())
    this.setMode("look")
  }

  close() {
    this.wire.close()
    this.observer.disconnect()
    this.listening.abort()
  }

  setMode(mode) {
    this.mode = mode
    for (const name of ["look", "draw"]) {
      this.find(`[data-mode="${name}"]`).setAttribute("aria-pressed", String(name === mode))
    }
    this.draw()
  }

  draw() {
    super.draw()
    this.find(".clear").disabled = !this.path.length
    this.find(".help").textContent = HELP[this.mode] + (this.mode === "look" && this.path.length ? REPLACES : "")
  }

  setDense(on) {
    dense = on
    this.find(".density").setAttribute("aria-pressed", String(dense))
    this.find(".lines").hidden = !dense
    this.draw()
  }

  async load(data, send) {
    this.observer.observe(this.canvas)
    // The position is kept here; the server's value counts only on a page that was just opened.
    if (!this.data) {
      this.view = recall(`${VIEW} ${data.name}`) ?? this.view
      this.path = data.path
      this.filmed = this.path.length > 0
      this.spot = this.filmed ? this.path[0] : data.spot
    }
    this.data = data
    this.send = send
    this.canvas.setAttribute("aria-label", data.alt)
    this.find(".groups").replaceChildren(...data.labels.map((text, index) => {
      const dot = element("i")
      dot.style.background = data.colors[index]
      return element("span", {}, dot, text)
    }))
    this.find(".dense").hidden = !data.outlines.length
    this.find(".you").hidden = !data.here
    this.setDense(dense)
    if (this.uri !== data.uri) {
      this.uri = data.uri
      this.sheet = await decoded(data.uri)
    }
    this.draw()
  }

  near(event) {
    const box = this.canvas.getBoundingClientRect()
    return this.nearest([event.clientX - box.left, event.clientY - box.top], this.reachOfPoint)
  }

  down(event) {
    if (event.button !== 0) return
    this.canvas.setPointerCapture(event.pointerId)
    this.tip.hidden = true
    const { view, path, filmed, spot } = this
    this.start = { at: [event.clientX, event.clientY], before: { view, path, filmed, spot }, moved: false }
    if (this.mode !== "draw") return
    this.spot = this.toPlane(event)
    this.path = [this.spot]
    this.filmed = false
  }

  move(event) {
    if (!this.data) return
    if (!this.start) return this.hover(event)
    const [dx, dy] = [event.clientX - this.start.at[0], event.clientY - this.start.at[1]]
    if (Math.hypot(dx, dy) > 4) this.start.moved = true
    if (this.mode === "draw") {
      this.path.push(this.toPlane(event))
    } else if (this.start.moved) {
      const { x, y, zoom } = this.start.before.view
      return this.look({ x: x - dx / this.unit, y: y + dy / this.unit, zoom })
    }
    this.draw()
  }

  up(event) {
    const start = this.start
    this.start = null
    if (!start || !this.data) return
    if (this.mode === "draw") {
      if (this.path.length > 2) return this.film()
      Object.assign(this, start.before) // too short for a path: keep the previous one
      return this.draw()
    }
    if (start.moved) return
    const point = this.near(event)
    if (point >= 0) this.open(point)
    else this.go(this.toPlane(event))
  }

  // The browser scrolls the page with this touch: undo its effect on the map.
  cancel() {
    if (!this.start) return
    Object.assign(this, this.start.before)
    this.look(this.view)
    this.start = null
  }

  open(point) {
    this.choose(this.data.points[point], { point })
  }

  go(spot) {
    this.choose(spot, { spot })
  }

  // Go to a place; this ends the film of a path.
  choose(spot, message) {
    this.chosen = message
    this.stand(spot)
    this.path = []
    this.filmed = false
    this.draw()
    this.reveal()
    this.wire.post(message)
  }

  // Remove the path with its film, and return to what was shown before it.
  clear() {
    this.path = []
    this.filmed = false
    this.spot = this.chosen ? (this.chosen.spot ?? this.data.points[this.chosen.point]) : null
    this.draw()
    this.wire.post(this.chosen ?? { path: [] })
  }

  // If the picture is below the map, scroll until both are visible.
  reveal() {
    if (!matchMedia("(max-width: 640px)").matches) return
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches
    this.canvas.scrollIntoView({ behavior: still ? "instant" : "smooth" })
  }

  // Move the cross, and announce its place to screen readers.
  stand(spot, words = "At") {
    this.spot = spot
    this.find(".where").textContent = `${words} ${spot.map((v) => v.toFixed(2)).join(", ")}`
  }

  key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    const factor = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, 0: 0 }[event.key]
    const [x, y] = this.spot ?? this.data.here ?? [0, 0]
    if (way) {
      this.stand([x + (way[0] * STEP) / this.view.zoom, y + (way[1] * STEP) / this.view.zoom])
      if (this.mode === "look") this.go(this.spot)
    } else if (factor !== undefined) {
      this.zoom(factor)
    } else if (event.key === " " && this.mode === "draw") {
      if (this.filmed) this.path = []
      this.filmed = false
      this.path.push([x, y])
      this.stand([x, y], `Corner ${this.path.length} at`)
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
    this.path = this.path.slice(0, LONGEST_PATH)
    this.filmed = true
    this.follow(0)
    this.reveal()
    this.wire.post({ path: this.path })
  }

  // Move the cross along the path with its film, which passes equal distances in equal times; `share` is from 0 to 1.
  follow(share) {
    if (!this.filmed) return
    const legs = this.path.slice(1).map(([x, y], index) => [x - this.path[index][0], y - this.path[index][1]])
    let rest = share * legs.reduce((sum, leg) => sum + Math.hypot(...leg), 0)
    this.spot = this.path[0]
    for (const [dx, dy] of legs) {
      const length = Math.hypot(dx, dy)
      const part = length ? Math.min(1, rest / length) : 0
      this.spot = [this.spot[0] + part * dx, this.spot[1] + part * dy]
      rest = Math.max(0, rest - length)
    }
    this.draw()
  }

  // Show this part of the map, and keep it for the next visit of the page.
  look(view) {
    this.view = view
    if (this.data) remember(`${VIEW} ${this.data.name}`, view)
    this.draw()
  }

  // Zoom by a factor about the chosen place, else about the centre; 0 resets the view.
  zoom(factor) {
    const zoom = Math.min(20, Math.max(0.5, this.view.zoom * factor))
    const [x, y] = this.spot ?? [this.view.x, this.view.y]
    this.look(factor ? { x, y, zoom } : { x: 0, y: 0, zoom: 1 })
  }

  wheel(event) {
    event.preventDefault()
    const [x, y] = this.toPlane(event)
    const zoom = Math.min(20, Math.max(0.5, this.view.zoom * Math.exp(-event.deltaY / 500)))
    const factor = this.view.zoom / zoom
    this.look({ x: x + (this.view.x - x) * factor, y: y + (this.view.y - y) * factor, zoom })
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

}

export default function ({ data, parentElement, setStateValue }) {
  const plane = instanceOf(parentElement, () => new Plane(parentElement))
  if (data) plane.load(data, (message) => setStateValue("went", message))
  return whenGone(parentElement, () => plane.close())
}
