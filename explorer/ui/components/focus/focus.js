// Streamlit disables a button while the file that it saves is made, and a browser takes the focus from what is disabled:
// the Tab key would begin at the top of the page, and a dialog would hear no Escape.

const SAVES = '[data-testid="stDownloadButton"] button'

export default function () {
  let pressed = null
  const press = (event) => {
    const button = event.target.closest?.(SAVES)
    pressed = button === document.activeElement ? button : null
  }
  const observer = new MutationObserver(() => {
    if (!pressed || pressed.disabled || document.activeElement !== document.body) return
    pressed.focus({ preventScroll: true })
    pressed = null
  })
  document.addEventListener("click", press, true)
  observer.observe(document.body, { attributeFilter: ["disabled"], subtree: true })
  return () => {
    document.removeEventListener("click", press, true)
    observer.disconnect()
  }
}
