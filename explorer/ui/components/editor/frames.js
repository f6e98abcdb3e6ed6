// The strip of the selected slider as a row of thumbnails at nine strengths; a click chooses one.

const FRAMES = 9

class Frames {
  constructor(root, pick) {
    this.node = root.querySelector(".frames")
    this.row = this.node.querySelector(".frames-row")
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
      const column = Math.round((index / (FRAMES - 1)) * (strengths.length - 1))
      const canvas = button.firstChild
      canvas.height = Math.round(96 * ratio)
      drawTile(canvas, image, column, strengths.length)
      button.dataset.value = strengths[column]
      button.disabled = false
      const beyond = lost.includes(column) ? `, ${lostWords}` : ""
      button.setAttribute("aria-label", `${slider.label} ${signed(strengths[column])}${beyond}`)
      button.title = `${signed(strengths[column])}${beyond}`
    })
    this.mark(slider.value)
    oneStop(this.row)
  }

  // Mark the frame that is nearest to a value.
  mark(value) {
    const distance = (button) => Math.abs(Number(button.dataset.value) - value)
    const near = this.buttons.reduce((best, button) => (distance(button) < distance(best) ? button : best))
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button === near))
  }

  // Dim pictures of a previous edit; their strengths are still valid and can be chosen.
  fade() {
    this.node.classList.add("stale")
  }
}
