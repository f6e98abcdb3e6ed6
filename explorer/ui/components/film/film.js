// A film to scrub, step through and play, with all frames in the browser. When it stops, its position is sent to the
// server, which can then save that frame. A playing film stops when a button for the frame is about to be pressed. A new
// film plays once by itself, until the visitor has played, stopped or moved one, also before the page was left.

const THUMBS = 9
const PLACE = "explorer-film-place"
const REST = 300 // milliseconds at one position after which it is sent, while a pointer or key is still down

class Film extends PlaceSender {
  constructor(root) {
    super("place", 0)
    this.find = (selector) => root.querySelector(selector)
    this.canvas = this.find(".screen canvas")
    this.scrub = this.find(".scrub")
    this.touched = false
    const { signal } = this.listening
    const onPress = (event) => { if (this.timer && event.target.closest?.(this.box)) this.stand(this.place) }
    document.addEventListener("pointerdown", onPress, { capture: true, signal })
    document.addEventListener("focusin", onPress, { capture: true, signal })
    this.scrub.oninput = () => this.rest(Number(this.scrub.value) / this.scrub.max)
    this.scrub.onkeydown = (event) => { this.repeated = event.repeat }
    this.scrub.onchange = () => { if (!this.repeated) this.stand(this.place) }
    this.scrub.onkeyup = () => { if (this.repeated) this.stand(this.place); this.repeated = false }
    this.find(".play").onclick = () => (this.timer ? this.stand(this.place) : this.play())
    dragged(this.find(".screen"), (x) => this.rest(Math.min(1, Math.max(0, x))), () => this.stand(this.place))
  }

  async load(data, send) {
    this.post = send
    this.box = `.st-key-${data.buttons}`
    this.rate = data.rate
    this.loop = data.loop
    if (this.uri === data.uri) return
    const kept = this.uri ? null : recall(`${PLACE} ${this.box}`)
    if (kept) [this.place, this.touched, this.sent] = [...kept, null] // the server may hold another place
    this.uri = data.uri
    const image = await decoded(data.uri)
    if (this.uri !== data.uri) return
    this.sheet = new Sheet(image, data.columns, data.count)
    this.count = data.count
    this.alt = data.alt
    this.lost = new Set(data.lost)
    this.find(".lost").textContent = `This frame ${data.lostWords}.`
    this.canvas.height = this.sheet.heightOf(this.canvas.width)
    this.find(".film").style.setProperty("--aspect", `${this.sheet.width} / ${this.sheet.height}`)
    this.scrub.max = Math.max(1, this.count - 1)
    this.thumbs()
    this.go(this.ofFrame(this.place))
    if (!this.touched && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.play(true)
    else if (!this.timer) this.send()
  }

  thumbs() {
    const box = this.find(".frames")
    const number = Math.min(THUMBS, this.count)
    const buttons = Array.from({ length: number }, (_, i) => {
      const place = number === 1 ? 0 : i / (number - 1)
      const canvas = element("canvas", { width: 96, height: this.sheet.heightOf(96), "aria-hidden": "true" })
      const index = Math.round(place * (this.count - 1))
      this.sheet.draw(canvas, index)
      const label = `Frame at ${Math.round(place * 100)} %${this.lost.has(index) ? ", no picture" : ""}`
      const button = element("button", { "aria-label": label }, canvas)
      button.onclick = () => this.stand(place)
      return button
    })
    box.replaceChildren(...buttons)
    oneStop(box)
  }

  go(place) {
    this.place = place
    if (!this.sheet) return
    const exact = place * (this.count - 1)
    const low = Math.min(this.count - 1, Math.floor(exact))
    this.sheet.draw(this.canvas, low)
    if (low + 1 < this.count && exact > low) this.sheet.draw(this.canvas, low + 1, exact - low)
    this.scrub.value = place * this.scrub.max
    this.scrub.style.setProperty("--low", "0%")
    this.scrub.style.setProperty("--high", `${place * 100}%`)
    const percent = `${Math.round(place * 100)} %`
    this.find("output").textContent = percent
    this.scrub.setAttribute("aria-valuetext", percent)
    this.canvas.setAttribute("aria-label", `${this.alt}, at ${percent}`)
    this.find(".lost").hidden = !this.lost.has(Math.round(exact))
    window.dispatchEvent(new CustomEvent("explorer-film", { detail: place }))
    const marks = this.find(".frames").children
    const near = Math.round(place * (marks.length - 1))
    for (let i = 0; i < marks.length; i += 1) marks[i].setAttribute("aria-current", String(i === near))
  }

  // Play as the saved file does: at its frame rate, there and back or one way. It goes on in a loop, or ends after it has
  // been shown `once` from the beginning.
  play(once = false) {
    this.stop()
    clearTimeout(this.resting)
    if (once) this.go(0)
    else this.take()
    this.find(".play").classList.add("playing")
    this.find(".play").setAttribute("aria-label", "Pause")
    this.scrub.step = "any" // glides while the film plays
    let last // undefined until the first step, which a page in the background awaits
    let played = this.place // in lengths of the film since the beginning
    const step = (now) => {
      const frame = 1 / Math.max(1, this.count - 1)
      played += (Math.max(0, now - (last ?? now)) / 1000) * this.rate * frame
      last = now
      if (once && played >= (this.loop ? 2 : 1)) return this.finish(this.loop ? 0 : 1)
      this.go(this.loop ? 1 - Math.abs(1 - (played % 2)) : Math.min(1, played % (1 + frame)))
      this.timer = requestAnimationFrame(step)
    }
    this.timer = requestAnimationFrame(step)
  }

  finish(place) {
    this.stop()
    this.go(place)
    this.send()
  }

  // Stop at a position and send it at once, because a click on a button may follow.
  stand(place) {
    this.rest(place)
    clearTimeout(this.resting)
    this.send()
  }

  // Stop at the frame nearest to a position that may be on the way to another; it is sent after REST. Between frames the
  // picture would be a mixture of two, and not the one that is saved.
  rest(place) {
    this.stop()
    this.go(this.ofFrame(place))
    this.take()
    clearTimeout(this.resting)
    this.resting = setTimeout(() => this.send(), REST)
  }

  // Note that the visitor has taken the film.
  take() {
    this.touched = true
    this.keep()
  }

  keep() {
    remember(`${PLACE} ${this.box}`, [this.place, this.touched])
  }

  // Return the position of the frame nearest to a position.
  ofFrame(place) {
    return Math.round(place * this.scrub.max) / this.scrub.max
  }

  remove() {
    this.stop()
    clearTimeout(this.resting)
    super.remove()
  }

  stop() {
    cancelAnimationFrame(this.timer)
    this.timer = null
    this.find(".play").classList.remove("playing")
    this.find(".play").setAttribute("aria-label", "Play")
    this.scrub.step = 1
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const film = instanceOf(parentElement, () => new Film(parentElement))
  if (data) film.load(data, (place) => setStateValue("place", place))
  return whenGone(parentElement, () => film.remove())
}
