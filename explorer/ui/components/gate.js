// The server makes the file of a save button from the last change that it has received, so a click on the button waits for
// the newest change.

const SAVE = '[class*="st-key-save_"]'

class Gate {
  // `boxes` (a selector) matches the containers of the buttons, whose keys begin with "save_"; `pending` returns whether the
  // server has not acknowledged the newest change.
  constructor(boxes, pending) {
    this.boxes = boxes
    this.pending = pending
    this.closed = false
    this.onClick = (event) => {
      const box = this.closed && event.target.closest?.("button")?.closest(this.boxes)
      if (!box) return
      event.preventDefault()
      event.stopImmediatePropagation()
      this.clicked = [...box.classList].find((name) => name.startsWith("st-key-save_"))
    }
    document.addEventListener("click", this.onClick, true)
    this.observer = new MutationObserver(() => this.openIfSaved())
    const app = document.querySelector(APP)
    if (app) this.observer.observe(app, { attributeFilter: [RUN_STATE] })
  }

  // Pass a held click on. The acknowledgement comes early in a run of the script, the new files only at its end.
  openIfSaved() {
    if (!this.closed || this.pending() || runState() !== "notRunning") return
    this.closed = false
    // Streamlit draws a button that has a tooltip twice, and shows one of the two.
    const buttons = this.clicked ? [...document.querySelectorAll(`.${this.clicked} button`)] : []
    this.clicked = null
    buttons.find((button) => button.offsetParent)?.click()
  }

  remove() {
    this.closed = false
    this.observer.disconnect()
    document.removeEventListener("click", this.onClick, true)
  }
}
