// The editor's messages: of several waiting values of one slider only the newest is sent, and changes go before requests
// (of a strip, or of the user's photo), which change nothing.

const UNSENT = "explorer-unsent"
const OUTDATED = 60000 // milliseconds after which kept changes are not sent any more
const RELOADING = 1000 // milliseconds that a reload may take from its start, which fixes the address, to the page's end

function isRequest(message) {
  return message?.op === "strip" || message?.op === "photo"
}

// Return whether a strip of the slider `name` is still correct after a message: only its own slider may move.
function keepsStrip(message, name) {
  return isRequest(message) || (message.op === "set" && message.name === name)
}

// Return the values by the names of the sliders, as `takeKept` compares them.
function valuesOf(sliders, changes = []) {
  return Object.fromEntries([...sliders, ...changes.filter((m) => m.op === "set")].map((s) => [s.name, s.value.toFixed(2)]))
}

class EditWire extends Wire {
  settled = []

  // A slider's newest value replaces the older one that it continues and that still waits, and keeps that one's start: the
  // hand has not rested between the two. Values before another step in the queue (an undo, say) are kept, because that
  // step refers to them. A request waits behind every change. A strip is dropped when a change makes it worthless; a request
  // in flight that the change will overtake is sent again.
  queue(message) {
    const waiting = this.waiting.filter((m) => !isRequest(m))
    const begun = waiting.findLastIndex((m) => !m.joins)
    const same = (m, index) => index >= begun && message.joins && m.op === "set" && m.name === message.name
    const replaced = waiting.find(same)
    const change = replaced ? { ...message, since: replaced.since, joins: replaced.joins } : message
    const changes = waiting.filter((m, index) => !same(m, index))
    const requests = [this.inFlight, ...this.waiting].filter(isRequest)
    if (isRequest(message)) return [...waiting, ...this.waiting.filter((m) => isRequest(m) && m.op !== message.op), message]
    const photo = requests.some((m) => m.op === "photo") ? [{ op: "photo" }] : []
    const strips = requests.filter((m) => m.op === "strip" && keepsStrip(message, m.name))
    return [...changes, change, ...photo, ...strips.slice(-1).map(({ op, name }) => ({ op, name }))]
  }

  // A change does not wait for a request in flight: on a slow link the page may be left, or the picture saved, before the
  // answer comes. Streamlit runs both messages, or the change alone.
  overtakes(message) {
    return isRequest(this.inFlight) && !isRequest(message)
  }

  // After a change without an answer no request is sent: Streamlit may still hold the change, and would replace it.
  lost() {
    if (this.inFlight.again && !isRequest(this.inFlight)) this.waiting = this.waiting.filter((m) => !isRequest(m))
    super.lost()
  }

  // A strip that has come need not be requested again.
  received(strip) {
    this.waiting = this.waiting.filter((m) => m.op !== "strip" || m.name !== strip.name)
  }

  holds(op) {
    return [this.inFlight, ...this.waiting].some((m) => m?.op === op)
  }

  get pending() {
    return [this.inFlight, ...this.waiting].filter((m) => m && !isRequest(m))
  }

  get changesPending() {
    return this.pending.length > 0
  }

  get valuesPending() {
    return this.pending.some((m) => m.op === "set")
  }

  // Return whether an undo or a redo has a step to go to, counting the steps in the data and the pending changes. With
  // nothing pending the message is sent in any case: the page may have made a step that is in no data yet.
  leadsOn({ op }, { undos, redos }) {
    const steps = { undo: undos, redo: redos }
    const back = { undo: "redo", redo: "undo" }
    if (!back[op]) return true
    for (const m of this.pending) {
      if (!back[m.op]) { steps.undo += 1; steps.redo = 0 }
      else if (steps[m.op]) { steps[m.op] -= 1; steps[back[m.op]] += 1 }
    }
    return steps[op] > 0 || !this.changesPending
  }

  // Return whether a strip of the slider is correct after every pending message.
  allows(stripName) {
    return [this.inFlight, ...this.waiting].every((m) => !m || keepsStrip(m, stripName))
  }

  // Note that a change to the edit `token` has been acknowledged.
  settle(message, token) {
    if (!isRequest(message)) this.settled = [...this.settled, { message, token, at: Date.now() }].slice(-20)
  }

  // Keep the changes that the server may not have received, for an editor that is built later in this tab. If the page
  // ends, also those acknowledged a moment ago: a reload that had begun before has the address without them.
  keep({ token, source, sliders }, ending) {
    const settled = this.settled.filter((change) => ending && Date.now() - change.at < RELOADING)
    const kept = { token, source, sliders, nonce: this.nonce, messages: this.pending, settled, at: Date.now() }
    remember(UNSENT, this.changesPending || settled.length ? kept : null)
  }

  // Return the kept changes that the server has not received, if the edit is still the one that they were made to: also
  // with another picture, which was chosen just before, if the sliders stayed. Those that it received are known by their
  // number; then the token has changed in any case.
  static takeKept({ token, source, sliders, ack }) {
    const kept = recall(UNSENT)
    remember(UNSENT, null)
    if (!kept || Date.now() - kept.at > OUTDATED) return []
    const received = kept.messages.filter((m) => ack?.nonce === kept.nonce && m.seq <= ack.seq)
    const unsent = kept.messages.slice(received.length)
    const [now, then] = [valuesOf(sliders), valuesOf(kept.sliders, received)]
    const stayed = Object.keys(now).length === Object.keys(then).length && Object.keys(now).every((n) => now[n] === then[n])
    const steps = unsent.some((m) => m.op === "undo" || m.op === "redo") // would take back the choice of the picture
    const sameEdit = (stayed && !steps) || (received.length ? source === kept.source : token === kept.token)
    const before = ack?.nonce === kept.nonce ? -1 : kept.settled.findIndex((change) => change.token === token)
    const lost = before < 0 ? [] : kept.settled.slice(before).map((change) => change.message)
    const changes = [...lost, ...(sameEdit || lost.length ? unsent : [])]
    return changes.map(({ nonce, seq, again, ...message }) => message)
  }
}
