// A click on a save button waits for the newest edit: the server makes the file from the last edit that it has received.

const SAVE = '[class*="st-key-save_"]'
const DROPPED = "explorer-click-dropped"

class SaveGate {
  constructor(changesPending) {
    this.changesPending = changesPending
    this.app = document.querySelector(APP)
    this.onClick = (event) => {
      const box = this.closed && event.target.closest?.(`${SAVE} button`)?.closest(SAVE)
      if (!box) return
      event.preventDefault()
      event.stopImmediatePropagation()
      this.clicked = [...box.classList].find((name) => name.startsWith("st-key-save_"))
    }
    document.addEventListener("click", this.onClick, true)
    this.observer = new MutationObserver(() => this.openIfSaved())
    if (this.app) this.observer.observe(this.app, { attributeFilter: [RUN_STATE] })
  }

  // page.css dims the buttons by this attribute.
  set closed(closed) { document.documentElement.toggleAttribute("data-edit-pending", closed) }
  get closed() { return document.documentElement.hasAttribute("data-edit-pending") }

  // The acknowledgement comes with the editor's data, the new files only later in the same run of the script.
  openIfSaved() {
    if (!this.closed || this.changesPending() || runState() !== "notRunning") return
    this.closed = false
    // Streamlit draws a button that has a tooltip twice, and shows one of the two.
    const buttons = this.clicked ? [...document.querySelectorAll(`.${this.clicked} button`)] : []
    this.clicked = null
    buttons.find((button) => button.offsetParent)?.click()
  }

  // Keep, for the next editor, whether a click is still waiting, which ends with this page.
  keep() {
    remember(DROPPED, Boolean(this.clicked))
  }

  // Return whether the previous page was left while a click was waiting.
  static takeDropped() {
    const dropped = recall(DROPPED)
    remember(DROPPED, false)
    return dropped
  }

  remove() {
    this.closed = false
    this.observer.disconnect()
    document.removeEventListener("click", this.onClick, true)
  }
}
