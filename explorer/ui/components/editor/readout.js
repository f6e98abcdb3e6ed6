// The words below the sliders: the hint or a note, the verdicts on the picture, and the numbers.

const HINT = "explorer-hint"

class Readout {
  constructor(root) {
    this.root = root
    this.find = (selector) => root.querySelector(selector)
    this.find(".hint button").onclick = () => this.hideHint()
    this.find(".note button").onclick = () => {
      this.moveFocus(".note")
      this.find(".note").hidden = true
    }
  }

  // Move the focus to the undo button if it is on or in a part that is about to be hidden.
  moveFocus(selector) {
    if (this.find(selector).contains(this.root.activeElement)) this.find(".undo").focus()
  }

  hideHint() {
    this.moveFocus(".hint")
    this.find(".hint").hidden = true
    remember(HINT, "seen")
  }

  show({ readout, sliders }, line) {
    this.note(line)
    this.gauge(readout)
    const rows = readout.numbers.map(([name, value]) => element("tr", {}, element("td", { class: "quiet" }, name),
      element("td", {}, value)))
    this.find(".numbers table").replaceChildren(...rows)
    const none = sliders.length === 0
    if (none || recall(HINT)) this.find(".hint").hidden = true
    this.find(".empty").hidden = !none
  }

  // Show a line, which the user may close, until it changes.
  note(line) {
    const words = this.find(".note-words")
    if (words.textContent === line) return
    words.textContent = line
    this.find(".note").hidden = !line
  }

  gauge({ bars: values, typical, verdict, gaugeHelp, ease, easeHelp }) {
    const bars = values.map(({ norm, off }) => {
      const bar = element("i", off ? { class: "off" } : {})
      bar.style.height = `${Math.min(100, Math.max(12, norm * 60))}%`
      return bar
    })
    this.find(".bars").replaceChildren(...bars)
    this.find(".verdict").textContent = verdict
    const gauge = this.find(".gauge")
    gauge.classList.toggle("off", !typical)
    gauge.title = gaugeHelp
    gauge.setAttribute("aria-label", `${verdict}. ${gaugeHelp}`)
    if (!ease) this.moveFocus(".ease")
    this.find(".ease").title = easeHelp
    this.find(".ease").classList.toggle("idle", !ease)
  }
}
