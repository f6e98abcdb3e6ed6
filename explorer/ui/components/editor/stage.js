// The large picture: before and after with a divider, and frames of a strip while a slider is dragged.

const TAGS = { original: "Original", reconstruction: "Reconstruction", edited: "Edited" }

class Stage {
  constructor(root) {
    this.node = root.querySelector(".stage")
    this.before = root.querySelector(".before")
    this.after = root.querySelector(".after")
    this.tagBefore = root.querySelector(".tag-before")
    this.tagAfter = root.querySelector(".tag-after")
    this.pictures = {}
    this.shown = "edited"
    this.strip = null
    this.setSplit(50)
    dragged(this.node, (x) => this.setSplit(100 * x))
    this.node.onkeydown = (event) => {
      const step = { ArrowLeft: -2, ArrowRight: 2, Home: -100, End: 100, PageUp: -10, PageDown: 10 }[event.key]
      if (step === undefined) return
      event.preventDefault()
      this.setSplit(this.split + step)
    }
  }

  setSplit(percent) {
    this.split = Math.min(100, Math.max(0, percent))
    this.node.style.setProperty("--split", `${this.split}%`)
    this.node.setAttribute("aria-valuenow", Math.round(this.split))
    this.node.setAttribute("aria-valuetext", `${Math.round(this.split)} % original`)
    this.tagBefore.style.visibility = this.split > 14 ? "visible" : "hidden"
    this.tagAfter.style.visibility = this.split < 86 ? "visible" : "hidden"
  }

  hold(on) {
    this.node.classList.toggle("held", on)
  }

  fit(width, height) {
    const factor = 768 / Math.max(width, height)
    const [w, h] = [Math.round(width * factor), Math.round(height * factor)]
    for (const canvas of [this.before, this.after]) {
      if (canvas.width !== w) canvas.width = w
      if (canvas.height !== h) canvas.height = h
    }
    this.node.style.setProperty("--aspect", `${width} / ${height}`)
  }

  set(name, image, alt) {
    this.pictures[name] = image
    if (name === "original") {
      this.fit(image.naturalWidth, image.naturalHeight)
      drawTile(this.before, image)
      this.before.setAttribute("aria-label", alt)
    }
    if (name === this.shown) this.draw()
  }

  show(name) {
    this.shown = name
    this.draw()
  }

  draw() {
    this.tagAfter.textContent = TAGS[this.shown]
    if (this.pictures[this.shown]) drawTile(this.after, this.pictures[this.shown])
  }

  // Between two frames the picture is blended by position, so that it changes smoothly with the slider.
  scrub(value) {
    const { image, strengths, lost, lostWords } = this.strip
    const last = strengths.length - 1
    const place = placeIn(strengths, value)
    this.tagAfter.textContent = lost.includes(Math.round(place)) ? `Edited: ${lostWords}` : TAGS.edited
    const low = Math.min(last, Math.max(0, Math.floor(place)))
    drawTile(this.after, image, low, strengths.length)
    if (low < last && place > low) drawTile(this.after, image, low + 1, strengths.length, place - low)
  }
}
