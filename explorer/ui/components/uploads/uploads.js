// A file that the server does not take is told by Streamlit as a red name, and under the mouse in the words of its HTTP
// library. This says what they mean, and says it where nobody has to look for it.

const REFUSED = /(AxiosError: )?Request failed with status code 429/

export default function ({ data, parentElement }) {
  const state = instanceOf(parentElement, () => ({ words: "" }))
  if (data) state.words = data.words
  const said = parentElement.querySelector(".refused")
  const translate = (node) => {
    if (!REFUSED.test(node.textContent)) return
    const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
    // The text alone is changed, not the element around it, which is React's.
    for (let text = node.nodeType === Node.TEXT_NODE ? node : texts.nextNode(); text; text = texts.nextNode()) {
      text.data = text.data.replace(REFUSED, `Not taken: ${state.words}`)
    }
  }
  const count = () => {
    const alerts = [...document.querySelectorAll('[data-testid="stFileUploader"] [role="alert"]')]
    const number = alerts.filter((alert) => alert.textContent.includes(state.words)).length
    const words = number ? `${number === 1 ? "One file was" : `${number} files were`} not taken: ${state.words}` : ""
    if (said.textContent === words) return
    said.textContent = words
    said.hidden = !words
  }
  const observer = new MutationObserver((records) => {
    for (const record of records) [record.target, ...record.addedNodes].forEach(translate)
    count()
  })
  observer.observe(document.body, { childList: true, characterData: true, subtree: true })
  translate(document.body)
  count()
  return () => observer.disconnect()
}
