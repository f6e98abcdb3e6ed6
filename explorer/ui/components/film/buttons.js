// The buttons of the page that save the frame on which the film stands. The server makes their files, so the film stops
// before a button is pressed, and a click waits until the server has made the buttons for that frame.

const SOON = 150 // milliseconds after which Streamlit has started to run the page, if it does

class FrameButtons {
  // `onPress` is called before one of the buttons in `box` (a selector) is pressed by a pointer or with a key.
  constructor(onPress) {
    this.box = null
    this.waiting = false
    this.onPress = (event) => { if (this.box && event.target.closest?.(this.box)) onPress() }
    this.onClick = (event) => {
      const button = this.box && this.waiting && event.target.closest?.(`${this.box} [data-testid="stDownloadButton"]`)
      if (!button) return
      event.preventDefault()
      event.stopImmediatePropagation()
      this.clicked = [...button.closest('[class*="st-key-"]').classList].find((name) => name.startsWith("st-key-"))
    }
    document.addEventListener("pointerdown", this.onPress, true)
    document.addEventListener("focusin", this.onPress, true)
    document.addEventListener("click", this.onClick, true)
    const app = document.querySelector(APP)
    this.observer = new MutationObserver(() => this.openAfterRun())
    if (app) this.observer.observe(app, { attributeFilter: [RUN_STATE] })
  }

  // Hold clicks from now on, because a new frame was sent.
  close() {
    this.waiting = true
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.openAfterRun(), SOON)
  }

  // Pass a held click on once the page has run with the new frame.
  openAfterRun() {
    if (!this.waiting || runState() !== "notRunning") return
    this.waiting = false
    // Streamlit draws a button that has a tooltip twice, and shows one of the two.
    const buttons = this.clicked ? [...document.querySelectorAll(`.${this.clicked} button`)] : []
    this.clicked = null
    buttons.find((button) => button.offsetParent)?.click()
  }

  remove() {
    clearTimeout(this.timer)
    this.observer.disconnect()
    document.removeEventListener("pointerdown", this.onPress, true)
    document.removeEventListener("focusin", this.onPress, true)
    document.removeEventListener("click", this.onClick, true)
  }
}
