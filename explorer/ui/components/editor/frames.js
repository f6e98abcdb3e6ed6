// The strip of the selected slider as a row of thumbnails at nine strengths; a click chooses one.

const FRAMES = 9

class Frames {
  constructor(root, pick) {
    this.node = root.querySelector(".frames")
    this.row = this.node.querySelector(".frames-row")
    this.place = this.node.querySelector(".frames-place")
    this.name = null
    this.buttons = Array.from({ length: FRAMES }, () => {
      const canvas = element("canvas", { width: 96, height: 96, "aria-hidden": "true" })
      const button = element("button", { type: "button", disabled: "" }, canvas)
      button.onclick = () => pick(this.name, Number(button.dataset.value))
      this.row.append(button)
      return button
    })
  }

  show({ name, image, strengths, lost, lostWords }, slider) {
    this.name = name
    this.node.classList.remove("stale")
    this.row.setAttribute("aria-label", `${slider.label}, from ${slider.less} to ${slider.more}`)
    for (const [place, text] of [["less", slider.less], ["name", slider.label], ["more", slider.more]]) {
      this.node.querySelector(`.frames-${place}`).textContent = text
    }
    const some = this.node.querySelector(".frames-lost")
    some.hidden = lost.length === 0
    some.textContent = `Stripes: ${lostWords}.`
    const ratio = image.naturalHeight / (image.naturalWidth / strengths.length)
    this.buttons.forEach((button, index) => {
      const canvas = button.firstChild
      canvas.height = Math.round(96 * ratio)
      drawTile(canvas, image, index, strengths.length)
      button.dataset.value = strengths[index]
      button.disabled = false
      const beyond = lost.includes(index) ? `, ${lostWords}` : ""
      button.setAttribute("aria-label", `${slider.label} ${signed(strengths[index])}${beyond}`)
      button.title = `${signed(strengths[index])}${beyond}`
    })
    this.mark(slider.value)
    oneStop(this.row)
  }

  // Mark the place of a value below the row, and the frame that shows exactly this value.
  mark(value) {
    const strengths = this.buttons.map((button) => Number(button.dataset.value))
    this.buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(strengths[index] === value)))
    const place = Math.min(FRAMES - 1, Math.max(0, placeIn(strengths, value)))
    this.place.style.left = `${((place + 0.5) / FRAMES) * 100}%`
  }

  // Dim pictures of a previous edit; their strengths are still valid and can be chosen.
  fade() {
    this.node.classList.add("stale")
  }
}
