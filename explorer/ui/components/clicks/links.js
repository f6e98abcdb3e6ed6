// A click on a link right after typing waits until the run that takes the text has ended. Streamlit sends a typed text in a
// later task than the one in which its field loses the focus, and with the field's page: after the page of a link that is
// tapped in the same task, it would lead the server back. With Ctrl, Meta or Shift it waits too, because Streamlit changes
// the page in this tab then. A choice in the menu of pages closes the menu where it covers the page; Streamlit does so on
// telephones only.

const MENU = '[data-testid="stSidebar"] a'
const CLOSE = '[data-testid="stSidebarCollapseButton"] button'
const FIELDS = "input, textarea"
const SENT = 50 // milliseconds after a field has lost the focus in which its text is sent
const BEGUN = 500 // milliseconds in which the run that takes the text begins
const TAKEN = 2000 // milliseconds in which it ends

class LinkKeeper {
  constructor() {
    this.left = -Infinity
    document.addEventListener("focusout", (event) => {
      if (event.target.matches(FIELDS)) this.left = performance.now()
    }, true)
    document.addEventListener("click", (event) => {
      clearTimeout(this.waiting) // of an earlier link
      const link = event.target.closest?.(LINKS)
      if (link && performance.now() - this.left < SENT) {
        event.preventDefault()
        event.stopImmediatePropagation()
        this.path = location.pathname
        this.follow(link)
      } else if (event.target.closest?.(MENU)) setTimeout(() => document.querySelector(CLOSE)?.click())
    }, true)
  }

  // Click on a link after the run that takes a text on its way, because the next page would break it off. On another page
  // than the link's it is given up.
  follow(link, waited = 0, seen = false) {
    this.waiting = setTimeout(() => {
      if (location.pathname !== this.path) return
      const runs = runState() !== "notRunning"
      if ((seen && !runs) || waited >= (seen || runs ? TAKEN : BEGUN)) link.click()
      else this.follow(link, waited + SENT, seen || runs)
    }, SENT)
  }
}
