// The large picture: before and after with a divider, alone or in the user's photo; frames of a strip while a slider is
// dragged.

const TAGS = { original: "Original", reconstruction: "Reconstruction", edited: "Edited" }
const SIDE = 768 // pixels of the canvas for a face
const STILL = 0.015 // of the stage's sides: a press that moves less does not move

// Draw one column of a sheet that has a single row.
function drawTile(canvas, image, column = 0, columns = 1, alpha = 1) {
  const width = image.naturalWidth / columns
  drawPart(canvas, image, column * width, 0, width, image.naturalHeight, alpha)
}

class Stage {
  // `chooseFace` is called with the number of another face of the photo when its frame is clicked.
  constructor(root, chooseFace) {
    this.node = root.querySelector(".stage")
    this.before = root.querySelector(".before")
    this.after = root.querySelector(".after")
    this.tagAfter = root.querySelector(".tag-after")
    this.pictures = {}
    this.shown = "edited"
    this.moved = false
    this.strip = null
    this.photo = null
    this.whole = false
    this.setSplit(0)
    this.node.addEventListener("pointerdown", (event) => {
      this.press = { face: event.target.closest("[data-face]")?.dataset.face }
    }, true)
    dragged(this.node, (x, y) => {
      this.press = { x, y, ...this.press }
      if (Math.hypot(x - this.press.x, y - this.press.y) > STILL) this.press.face = undefined
      if (this.compares && !this.press.face) this.setSplit(100 * x)
    })
    this.node.onclick = () => { if (this.press?.face) chooseFace(Number(this.press.face)) }
    this.node.onkeydown = (event) => {
      const step = { ArrowLeft: -2, ArrowRight: 2, Home: -100, End: 100, PageUp: -10, PageDown: 10 }[event.key]
      if (step === undefined || !this.compares) return
      event.preventDefault()
      this.setSplit(this.split + step)
    }
  }

  // Two pictures that are the same have no divider.
  get compares() {
    return this.shown === "reconstruction" || (this.shown !== "original" && this.moved)
  }

  setSplit(percent) {
    this.split = Math.min(100, Math.max(0, percent))
    this.node.style.setProperty("--split", `${this.split}%`)
    this.node.setAttribute("aria-valuenow", Math.round(this.split))
    this.node.setAttribute("aria-valuetext", `${Math.round(this.split)} % original`)
    this.node.classList.toggle("at-start", this.split <= 14)
    this.node.classList.toggle("at-end", this.split >= 86)
    this.node.classList.toggle("undivided", this.split === 0 || this.split === 100)
  }

  setMoved(moved) {
    this.moved = moved
    this.label()
  }

  label(words) {
    this.node.classList.toggle("same", !this.compares)
    const unchanged = !this.moved && this.shown !== "reconstruction"
    this.tagAfter.textContent = words ? `Edited: ${words}` : unchanged ? TAGS.original : TAGS[this.shown]
  }

  hold(on) {
    this.node.classList.toggle("held", on)
  }

  fit(width, height) {
    for (const canvas of [this.before, this.after]) {
      if (canvas.width !== width) canvas.width = width
      if (canvas.height !== height) canvas.height = height
    }
  }

  set(name, image, alt) {
    this.pictures[name] = image
    if (name === "original") {
      this.node.style.setProperty("--aspect", `${image.naturalWidth} / ${image.naturalHeight}`)
      this.before.setAttribute("aria-label", alt)
    }
    if (name === "original" || name === this.shown) this.draw()
  }

  show(name) {
    this.shown = name
    this.draw()
  }

  // Show the picture in the whole photo, if there is one, or the face alone.
  showWhole(whole) {
    this.whole = whole
    this.draw()
  }

  // Keep the user's photo, or null.
  setPhoto(photo) {
    this.photo = photo
    if (this.whole) this.draw()
  }

  get inPhoto() {
    return this.whole && this.photo !== null
  }

  draw() {
    const { original } = this.pictures
    const shown = this.pictures[this.shown]
    this.label()
    if (!original || !shown) return
    if (this.inPhoto) {
      this.fit(this.photo.image.naturalWidth, this.photo.image.naturalHeight)
      this.before.getContext("2d").drawImage(this.photo.image, 0, 0)
    } else {
      const factor = SIDE / Math.max(original.naturalWidth, original.naturalHeight)
      this.fit(Math.round(original.naturalWidth * factor), Math.round(original.naturalHeight * factor))
      drawTile(this.before, original)
    }
    this.paint((canvas) => drawTile(canvas, shown))
  }

  paint(face) {
    if (this.inPhoto) this.photo.draw(this.after, face)
    else face(this.after)
  }

  // Between two frames the picture is blended by position, so that it changes smoothly with the slider.
  scrub(value) {
    const { image, strengths, lost, lostWords } = this.strip
    const last = strengths.length - 1
    const place = placeIn(strengths, value)
    this.label(lost.includes(Math.round(place)) ? lostWords : "")
    const low = Math.min(last, Math.max(0, Math.floor(place)))
    this.paint((canvas) => {
      drawTile(canvas, image, low, strengths.length)
      if (low < last && place > low) drawTile(canvas, image, low + 1, strengths.length, place - low)
    })
  }
}
