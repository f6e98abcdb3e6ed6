// A press on a control clicks it although the page moves it before the release: pressing takes the focus from a text field,
// and the run that takes the text may show or remove a message above the control. Browsers click what is at both ends of a
// press, here something that both controls are in.

const CONTROLS = "button, label, a[href]"
const STILL = 5 // pixels between the ends of a press that is no drag

class PressKeeper {
  constructor() {
    document.addEventListener("pointerdown", (event) => {
      this.control = event.button === 0 ? event.target.closest?.(CONTROLS) : null
      this.at = [event.clientX, event.clientY]
    }, true)
    document.addEventListener("pointerup", (event) => {
      const control = this.control
      this.control = null
      if (!control?.isConnected || control.contains(event.target)) return
      const [x, y] = this.at
      if (Math.hypot(event.clientX - x, event.clientY - y) < STILL) control.click()
    }, true)
  }
}
