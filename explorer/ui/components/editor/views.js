// The choice between the face alone and the user's whole photo with it, and the full screen.

const VIEW = "explorer-view"
const SMALL = 1 / 12 // of the photo's longer side: a face in a large group

class Views {
  constructor(root, stage, on) {
    this.stage = stage
    this.on = on
    this.editor = root.querySelector(".editor")
    this.box = root.querySelector(".views")
    this.buttons = [...this.box.querySelectorAll("button")]
    for (const button of this.buttons) button.onclick = () => this.choose(button.dataset.view)
    this.full = root.querySelector(".full")
    this.full.hidden = !document.fullscreenEnabled
    this.full.onclick = () => this.toggleFull()
    this.editor.addEventListener("fullscreenchange", () => {
      this.full.setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)))
    })
  }

  choose(view) {
    remember(VIEW, view)
    this.on.show(view)
    this.requested = null
    this.request()
  }

  mark(shown) {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.view === shown))
  }

  toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen()
    else if (!this.full.hidden) this.editor.requestFullscreen()
  }

  // Follow the data: drop the photo of another face; show the one that has come, unless the face alone was chosen or is
  // too small in it.
  update({ photo }, image, original) {
    this.key = photo?.key ?? null
    this.box.hidden = !photo
    if (image) {
      this.stage.setPhoto(new FaceInPhoto({ ...photo, image }, original))
      const view = recall(VIEW) ?? (this.stage.photo.share < SMALL ? "edited" : "photo")
      if (view === "photo" && this.stage.shown === "edited") this.on.show("photo")
    } else if (this.stage.photo && this.stage.photo.key !== this.key) {
      const shown = this.stage.inPhoto
      this.stage.setPhoto(null)
      if (shown) this.on.show("edited")
    }
  }

  // Request the photo, once for each face.
  request() {
    if (!this.key || this.stage.photo?.key === this.key || this.requested === this.key) return
    this.requested = this.key
    this.on.request()
  }
}
