// Why a file was not accepted. Streamlit gives the message of its HTTP library, or the media type of the file, and only in
// the tooltip of a red name; here the message is replaced by an explanation with a remedy. If the server is full, the
// explanation also stands at the bottom of the window. And the list of endings in the box, which is Streamlit's, is short.

const UPLOADER = '[data-testid="stFileUploader"]'
const FULL = /(AxiosError: )?Request failed with status code 429/
const HEIC = /image\/hei[cf]\S* files are not allowed\./
const OTHER_KIND = /image\/(?!hei[cf]|jpe?g |png |webp )(?:x-|vnd\.)?(\w+)\S* files are not allowed\./
// A browser derives the media type from the ending of the name: it is empty for an ending that the browser does not know.
const MISNAMED = /(image\/(jpe?g|png|webp)|^|: ) ?files are not allowed\./
const RARE = ", JPE, JFIF" // endings that are accepted, and that few have heard of
const RENAME = "its name does not end in .jpg, .png or .webp; rename it if it is such a picture."

class Refusals {
  constructor(root) {
    this.note = root.querySelector(".refused")
    this.observer = new MutationObserver((records) => {
      for (const record of records) [record.target, ...record.addedNodes].forEach((node) => this.explainIn(node))
      this.count()
    })
  }

  update(texts) {
    this.texts = texts
    this.observer.observe(document.body, { childList: true, characterData: true, subtree: true })
    this.explainIn(document.body)
    this.count()
  }

  remove() {
    this.observer.disconnect()
  }

  explain(message) {
    return message.replace(FULL, `Not taken: ${this.texts.words}`).replace(HEIC, this.texts.heic)
      .replace(OTHER_KIND, (_, kind) => `this is a ${kind.toUpperCase()} file; ${this.texts.other}`)
      .replace(MISNAMED, (_, type, kind) => `${kind ? "" : type}${RENAME}`).replace(RARE, "")
  }

  // Only text nodes are changed: their elements belong to React.
  explainIn(node) {
    if (!/status code 429|files are not allowed|, JPE, JFIF/.test(node.textContent)) return
    const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
    for (let text = node.nodeType === Node.TEXT_NODE ? node : texts.nextNode(); text; text = texts.nextNode()) {
      const explanation = this.explain(text.data)
      if (text.data !== explanation) text.data = explanation
    }
  }

  count() {
    const alerts = [...document.querySelectorAll(`${UPLOADER} [role="alert"]`)]
    const number = alerts.filter((alert) => alert.textContent.includes(this.texts.words)).length
    const files = number === 1 ? "One file was" : `${number} files were`
    const line = number ? `${files} not taken: ${this.texts.words}` : ""
    if (this.note.textContent === line) return
    this.note.textContent = line
    this.note.hidden = !line
  }
}

export default function ({ data, parentElement }) {
  const refusals = instanceOf(parentElement, () => new Refusals(parentElement))
  if (data) refusals.update(data)
  return whenGone(parentElement, () => refusals.remove())
}
