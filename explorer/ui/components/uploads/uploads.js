// Why a file was rejected when the server is full: Streamlit gives the message of its HTTP library, and only in the tooltip
// of a red name. It is replaced by an explanation with a remedy, which also stands at the bottom of the window.

const UPLOADER = '[data-testid="stFileUploader"]'
const FULL = /(AxiosError: )?Request failed with status code 429/

class Refusals {
  constructor(root) {
    this.note = root.querySelector(".refused")
    this.observer = new MutationObserver((records) => {
      for (const record of records) [record.target, ...record.addedNodes].forEach((node) => this.explainIn(node))
      this.count()
    })
  }

  update(words) {
    this.words = words
    this.observer.observe(document.body, { childList: true, characterData: true, subtree: true })
    this.explainIn(document.body)
    this.count()
  }

  remove() {
    this.observer.disconnect()
  }

  // Only text nodes are changed: their elements belong to React.
  explainIn(node) {
    if (!FULL.test(node.textContent)) return
    const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
    for (let text = node.nodeType === Node.TEXT_NODE ? node : texts.nextNode(); text; text = texts.nextNode()) {
      if (FULL.test(text.data)) text.data = text.data.replace(FULL, `Not taken: ${this.words}`)
    }
  }

  count() {
    const alerts = [...document.querySelectorAll(`${UPLOADER} [role="alert"]`)]
    const number = alerts.filter((alert) => alert.textContent.includes(this.words)).length
    const files = number === 1 ? "One file was" : `${number} files were`
    const line = number ? `${files} not taken: ${this.words}` : ""
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
