// A click on a save button waits while the page answers another one: the server would save the picture before, or find no
// file. It is repeated once the page rests.

const SAVES = '[data-testid="stDownloadButton"] button'
const SOON = 1000 // milliseconds after a key or a press in which the page's answer to it begins
const LOOK = 50 // milliseconds between two looks at whether the page rests
const QUIET_KEYS = ["Tab", "Shift", "Control", "Alt", "Meta"]

class SaveGate {
  constructor() {
    this.acted = -Infinity
    this.clicked = new Set() // names of classes, because Streamlit may replace the buttons
    const act = (event) => {
      if (!event.target.closest?.(SAVES) && !QUIET_KEYS.includes(event.key)) this.acted = performance.now()
    }
    for (const type of ["pointerup", "click", "keydown", "change"]) document.addEventListener(type, act, true)
    document.addEventListener("click", (event) => this.hold(event), true)
    window.addEventListener("pagehide", () => this.leave())
  }

  // Components prevent the event while the server lacks their newest change.
  get rests() {
    const received = window.dispatchEvent(new CustomEvent("explorer-save", { cancelable: true }))
    return received && runState() === "notRunning" && performance.now() - this.acted > SOON
  }

  hold(event) {
    const button = event.target.closest?.(SAVES)
    if (!button || this.rests) return
    event.preventDefault()
    event.stopImmediatePropagation()
    this.path = location.pathname
    this.clicked.add([...button.closest('[class*="st-key-"]').classList].find((name) => name.startsWith("st-key-")))
    this.look()
  }

  // The page must rest at two looks: a busy machine may run a late look before the page has begun its answer.
  look(rested = false) {
    clearTimeout(this.timer)
    if (location.pathname !== this.path) this.leave()
    const { rests } = this
    const waits = !(rests && rested)
    const boxes = [...this.clicked].map((name) => [...document.querySelectorAll(`.${name} button`)])
    for (const button of boxes.flat()) button.ariaBusy = String(waits)
    if (!this.clicked.size) return
    if (waits) { this.timer = setTimeout(() => this.look(rests), LOOK); return }
    this.clicked.clear()
    // Streamlit draws a button that has a tooltip twice, and shows one of the two.
    for (const buttons of boxes) buttons.find((button) => button.offsetParent)?.click()
  }

  // Drop the clicks that wait, and let the editor tell so when it is built next.
  leave() {
    if (this.clicked.size) remember(DROPPED, true)
    this.clicked.clear()
  }
}
