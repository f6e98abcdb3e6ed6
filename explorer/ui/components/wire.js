// Messages to the server, one at a time: the next is sent when the one before has been dealt with. Streamlit merges what
// comes while a script runs, and what it merges can be lost.

const PATIENCE = 8000 // milliseconds that an answer is waited for
const LEAVING = 5000 // milliseconds after which a link has led to no other page
const LINKS = "a[href]:not([target=_blank], [download])"

class Wire {
  constructor(send, onBusy = () => {}) {
    this.send = send
    this.onBusy = onBusy
    this.nonce = Math.random().toString(36).slice(2)
    this.sequence = 0
    this.waiting = []
    this.inFlight = null
    const page = location.pathname
    this.leave = (event) => {
      // A link to this page leads nowhere else, nor does one to a place of it, which is also a step of the history.
      const leads = (node) => node.matches?.(LINKS) && node.pathname !== page
      if (event.type === "click" ? !event.composedPath().some(leads) : location.pathname === page) return
      clearTimeout(this.leaving)
      this.leaving = setTimeout(() => { this.leaving = null; this.next() }, LEAVING)
    }
    window.addEventListener("popstate", this.leave)
    document.addEventListener("click", this.leave, true)
  }

  // The component is gone: nothing is sent any more.
  close() {
    window.removeEventListener("popstate", this.leave)
    document.removeEventListener("click", this.leave, true)
    for (const timer of [this.leaving, this.busyTimer, this.lostTimer]) clearTimeout(timer)
    this.closed = true
  }

  post(message) {
    this.waiting = this.queue(message)
    this.next()
  }

  // Who waits once a message is there: each says all there is to say, so the newest alone.
  queue(message) {
    return [message]
  }

  // While another page is on its way nothing is sent: a message of a fragment that this page takes with it makes
  // Streamlit leave the new page empty.
  next() {
    if (this.inFlight || !this.waiting.length || this.leaving || this.closed) return
    const message = this.waiting.shift()
    this.sequence += 1
    this.inFlight = { ...message, nonce: this.nonce, seq: this.sequence }
    this.busyTimer = setTimeout(() => this.onBusy(true), 300)
    this.dispatch()
  }

  dispatch() {
    this.lostTimer = setTimeout(() => this.lost(), PATIENCE)
    this.send(this.inFlight)
  }

  // Without an answer it is sent once more: by its number the server knows what it has had already. Then it is given
  // up, for a server that was restarted must not block the hand for ever.
  lost() {
    if (this.inFlight.again) return this.done()
    this.inFlight = { ...this.inFlight, again: true }
    this.dispatch()
  }

  acknowledge(ack) {
    if (this.inFlight && ack && ack.nonce === this.nonce && ack.seq >= this.inFlight.seq) this.done()
  }

  done() {
    clearTimeout(this.busyTimer)
    clearTimeout(this.lostTimer)
    this.onBusy(false)
    this.inFlight = null
    this.next()
  }
}
