// Presses with a mouse, which last for a while.
//
// A press on a control clicks it although the page moves it before the release: pressing takes the focus from a text field,
// and the run that takes the text may show or remove a message above the control. Browsers click what is at both ends of a
// press, here something that both controls are in.
//
// The second press of a double click on a button that opens a dialog does not close it: a press beside a dialog does.

const CONTROLS = "button, label, summary, a[href]"
const DIALOG = '[data-testid="stDialog"]' // with its backdrop
const STILL = 5 // pixels between the ends of a press that is no drag
const DOUBLE = 500 // milliseconds between the presses of a double click

function placeOf(control) {
  const box = control?.getBoundingClientRect()
  return box && `${box.x} ${box.y}`
}

class PressKeeper {
  constructor() {
    this.began = -Infinity
    document.addEventListener("pointerdown", (event) => this.down(event), true)
    document.addEventListener("pointerup", (event) => this.up(event), true)
    document.addEventListener("wheel", () => { this.control = null }, { capture: true, passive: true }) // moved by the hand
  }

  down(event) {
    const beside = event.target.closest?.(DIALOG) && !event.target.closest("[role=dialog]")
    if (beside && event.timeStamp - this.began < DOUBLE && this.isNear(event)) event.stopImmediatePropagation()
    this.began = event.timeStamp
    this.at = [event.clientX, event.clientY]
    this.control = event.button === 0 ? event.composedPath().find((node) => node.matches?.(CONTROLS)) : null
    this.place = placeOf(this.control)
  }

  up(event) {
    const control = this.control
    this.control = null
    if (!control?.isConnected || placeOf(control) === this.place || !this.isNear(event)) return
    if (event.composedPath().includes(control)) return // the browser clicks it
    // Streamlit's own controls ignore a click before they have seen the release.
    setTimeout(() => (control.querySelector("input") ?? control).click())
  }

  isNear(event) {
    return Math.hypot(event.clientX - this.at[0], event.clientY - this.at[1]) < STILL
  }
}
