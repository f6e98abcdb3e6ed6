// Keeps the keyboard focus at a button that was pressed. A browser takes the focus from a button that is disabled, as
// Streamlit does with a save button while its file is made, or removed, as the buttons of an uploader are: the Tab key would
// then begin at the top of the page, and a dialog would get no Escape key.

const CAMERA = '[data-testid="stCameraInput"]'
const OPENER = '.st-key-cam_box [data-testid="stPopoverButton"]' // of the camera's box, which closes after a picture
const UPLOADER = '[data-testid="stFileUploader"]'

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
    document.addEventListener("click", (event) => { this.heir = heirOf(event.target) }, true)
    window.addEventListener("popstate", () => { this.heir = () => null }) // another page has another camera
    const observer = new MutationObserver(() => {
      if (document.activeElement === document.body) this.heir()?.focus({ preventScroll: true })
    })
    observer.observe(document.body, { attributeFilter: ["disabled"], childList: true, subtree: true })
  }
}
