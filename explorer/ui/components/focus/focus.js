// Keeps the keyboard focus at a button that was pressed. A browser takes the focus from a button that is disabled, as
// Streamlit does with a save button while its file is made, or removed, as the buttons of an uploader are: the Tab key would
// then begin at the top of the page, and a dialog would get no Escape key. This component also closes the menu of pages
// after a choice where the menu covers the page; Streamlit does so on telephones only.

const MENU = '[data-testid="stSidebar"] a'
const CLOSE = '[data-testid="stSidebarCollapseButton"] button'
const CAMERA = '[data-testid="stCameraInput"]'
const OPENER = '.st-key-cam_box [data-testid="stPopoverButton"]' // of the camera's box, which closes after a picture
const UPLOADER = '[data-testid="stFileUploader"]'
const FIELDS = "input, textarea"
const SENT = 50 // milliseconds after a field has lost the focus in which its text is sent
const BEGUN = 500 // milliseconds in which the run that takes the text begins
const TAKEN = 2000 // milliseconds in which it ends

// Return a function that gives the node to focus when the pressed one loses the focus.
function heirOf(pressed) {
  const save = pressed.closest?.(SAVES)
  if (save && save === document.activeElement) return () => (save.disabled ? null : save)
  if (pressed.closest?.(CAMERA)) return () => document.querySelector(OPENER)
  const uploader = pressed.closest?.(UPLOADER)?.closest("[class*=st-key-]") // Streamlit may replace all within
  return () => uploader && [...uploader.querySelectorAll("button")].at(-1)
}

class FocusKeeper {
  constructor() {
    this.heir = () => null
    this.left = -Infinity
    this.listening = new AbortController()
    document.addEventListener("focusout", (event) => {
      if (event.target.matches(FIELDS)) this.left = performance.now()
    }, { capture: true, signal: this.listening.signal })
    document.addEventListener("click", (event) => {
      clearTimeout(this.waiting) // of an earlier link
      const inNewTab = event.ctrlKey || event.metaKey || event.shiftKey
      // Streamlit sends a typed text in a later task than the one in which its field loses the focus, and with the field's
      // page: after the page of a link that is tapped in the same task, it would lead the server back.
      const link = event.target.closest?.(LINKS)
      if (link && !inNewTab && performance.now() - this.left < SENT) {
        event.preventDefault()
        event.stopImmediatePropagation()
        this.follow(link)
        return
      }
      this.heir = heirOf(event.target)
      if (event.target.closest?.(MENU) && !inNewTab) setTimeout(() => document.querySelector(CLOSE)?.click())
    }, { capture: true, signal: this.listening.signal })
    this.observer = new MutationObserver(() => {
      if (document.activeElement === document.body) this.heir()?.focus({ preventScroll: true })
    })
    this.observer.observe(document.body, { attributeFilter: ["disabled"], childList: true, subtree: true })
  }

  // Click on a link after the run that takes a text on its way: the next page would break it off.
  follow(link, waited = 0, seen = false) {
    this.waiting = setTimeout(() => {
      const runs = runState() !== "notRunning"
      if ((seen && !runs) || waited >= (seen || runs ? TAKEN : BEGUN)) link.click()
      else this.follow(link, waited + SENT, seen || runs)
    }, SENT)
  }

  remove() {
    clearTimeout(this.waiting)
    this.listening.abort()
    this.observer.disconnect()
  }
}

export default function ({ parentElement }) {
  window.explorerGate ??= new SaveGate() // before the keeper, whose listener must not see a click that waits; of all pages
  window.explorerPress ??= new PressKeeper() // of all pages
  const keeper = instanceOf(parentElement, () => new FocusKeeper())
  return whenGone(parentElement, () => keeper.remove())
}
