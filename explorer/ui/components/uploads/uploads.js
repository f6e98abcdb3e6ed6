// A file that is not taken is told by Streamlit as a red name, and under the mouse in the words of its HTTP library, or by
// its type. This says what they mean and what can be done; of a full server, where nobody has to look for it. And the
// button that was pressed goes with the first file, or with the one that was removed: another of the list gets the focus.

const UPLOADER = '[data-testid="stFileUploader"]'
const REFUSED = /(AxiosError: )?Request failed with status code 429/
const HEIC = /image\/hei[cf]\S* files are not allowed\./
const OTHER = /image\/(?!hei[cf]|jpe?g |png |webp )(?:x-|vnd\.)?(\w+)\S* files are not allowed\./

export default function ({ data, parentElement }) {
  const state = instanceOf(parentElement, () => ({ words: "", heic: "", other: "" }))
  if (data) Object.assign(state, data)
  const said = parentElement.querySelector(".refused")
  const translate = (node) => {
    if (![REFUSED, HEIC, OTHER].some((reason) => reason.test(node.textContent))) return
    const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
    // The text alone is changed, not the element around it, which is React's.
    for (let text = node.nodeType === Node.TEXT_NODE ? node : texts.nextNode(); text; text = texts.nextNode()) {
      const told = text.data.replace(REFUSED, `Not taken: ${state.words}`).replace(HEIC, state.heic)
      text.data = told.replace(OTHER, (_, kind) => `this is a ${kind.toUpperCase()} file; ${state.other}`)
    }
  }
  const count = () => {
    const alerts = [...document.querySelectorAll(`${UPLOADER} [role="alert"]`)]
    const number = alerts.filter((alert) => alert.textContent.includes(state.words)).length
    const words = number ? `${number === 1 ? "One file was" : `${number} files were`} not taken: ${state.words}` : ""
    if (said.textContent === words) return
    said.textContent = words
    said.hidden = !words
  }
  let pressed = null
  const press = (event) => { pressed = event.target.closest?.(UPLOADER)?.closest("[class*=st-key-]") ?? null }
  const handOn = () => {
    if (!pressed || document.activeElement !== document.body) return
    ;[...pressed.querySelectorAll("button")].at(-1)?.focus({ preventScroll: true })
  }
  const observer = new MutationObserver((records) => {
    for (const record of records) [record.target, ...record.addedNodes].forEach(translate)
    count()
    handOn()
  })
  observer.observe(document.body, { childList: true, characterData: true, subtree: true })
  translate(document.body)
  count()
  document.addEventListener("click", press, true)
  return () => {
    document.removeEventListener("click", press, true)
    observer.disconnect()
  }
}
