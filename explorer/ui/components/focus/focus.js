// Streamlit disables a button while the file that it saves is made, and a browser takes the focus from what is disabled:
// the Tab key would begin at the top of the page, and a dialog would hear no Escape. And a menu of pages that lies over the
// page, as it does in a narrow window, is closed when one has been chosen: Streamlit does so on a telephone alone.

const MENU = '[data-testid="stSidebar"] a'
const CLOSE = '[data-testid="stSidebarCollapseButton"] button'
const SAVES = '[data-testid="stDownloadButton"] button'

export default function () {
  let pressed = null
  const press = (event) => {
    const button = event.target.closest?.(SAVES)
    pressed = button === document.activeElement ? button : null
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey // in another tab
    if (event.target.closest?.(MENU) && !elsewhere) setTimeout(() => document.querySelector(CLOSE)?.click())
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
