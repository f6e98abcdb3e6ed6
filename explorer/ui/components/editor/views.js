// The choice between the face alone and the user's whole photo with it, and the full screen.

const VIEW = "explorer-view"
const SMALL = 1 / 6 // of the photo's longer side: a face in a group, whose edit is hard to see in the whole photo
const FRAMED = 2000 // milliseconds for which a frame shows which face is edited

class Views {
  constructor(root, stage, wire) {
    this.stage = stage
    this.wire = wire
    this.editor = root.querySelector(".editor")
    this.box = root.querySelector(".views")
    this.buttons = [...this.box.querySelectorAll("button")]
    for (const button of this.buttons) button.onclick = () => this.choose(button.dataset.view)
    this.frame = root.querySelector(".whose")
    this.show(false)
    this.full = root.querySelector(".full")
    this.full.hidden = !document.fullscreenEnabled
    this.full.onclick = () => this.toggleFull()
    this.editor.addEventListener("fullscreenchange", () => {
      this.full.ariaLabel = document.fullscreenElement ? "Leave full screen" : "Full screen"
      this.full.title = `${this.full.ariaLabel} (F)`
    })
  }

  choose(view) {
    remember(VIEW, view)
    this.show(view === "photo")
    this.asked = 0
    this.request()
  }

  show(whole) {
    this.stage.showWhole(whole)
    const view = whole ? "photo" : "face"
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.view === view))
    this.showFrame()
  }

  // For a moment, show which face of the photo is edited. If there are others, all have frames, later under the pointer.
  showFrame() {
    clearTimeout(this.framed)
    this.frame.toggleAttribute("hidden", !this.stage.inPhoto)
    if (!this.stage.inPhoto) return
    const { image, corners, others } = this.stage.photo
    this.frame.setAttribute("viewBox", `0 0 ${image.naturalWidth} ${image.naturalHeight}`)
    const lines = (points) => `<polygon points="${points.join(" ")}"/>`.repeat(2)
    const frames = others.map(([face, points]) => `<g class="other" data-face="${face}"><title>Edit this face</title>${lines(points)}</g>`)
    this.frame.innerHTML = [...frames, `<g>${lines(corners)}</g>`].join("") // numbers only
    this.frame.classList.remove("past")
    this.framed = setTimeout(() => this.frame.classList.add("past"), FRAMED)
  }

  toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen()
    else if (!this.full.hidden) this.editor.requestFullscreen()
  }

  // Follow the data: drop the photo of another face; show the one that has come, unless the face alone was chosen or all
  // faces are too small in it.
  update({ photo }, image, original) {
    const key = photo?.key ?? null
    if (key !== this.key) this.asked = 0
    this.key = key
    this.box.hidden = !photo
    if (image) {
      this.stage.setPhoto(new FaceInPhoto({ ...photo, image }, original))
      const view = recall(VIEW) ?? (this.stage.photo.share < SMALL ? "face" : "photo")
      this.show(view === "photo")
    } else if (this.stage.photo && this.stage.photo.key !== this.key) {
      this.stage.setPhoto(null)
      this.show(false)
    }
  }

  // Request the photo, at most twice for each face: an answer may come without it.
  request() {
    if (!this.key || this.stage.photo?.key === this.key || this.asked === 2 || this.wire.holds("photo")) return
    this.asked += 1
    this.wire.post({ op: "photo" })
  }
}
