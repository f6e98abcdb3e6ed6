// Tells the server at which place of its pictures a component stands, so that the picture there can be saved; saving waits for
// that. A subclass has `keep()`, which keeps the place for the next visit of the page, and `post`, which sends it.

class PlaceSender {
  // `name` is the name of the place in the server's answer, `place` the one that the server begins with.
  constructor(name, place) {
    this.place = this.sent = this.received = place
    this.timer = null // of a film that plays, and has no picture to save
    this.departure = new Departure(() => { if (!this.timer) this.send() })
    this.listening = new AbortController()
    const { signal } = this.listening
    window.addEventListener("explorer-received", ({ detail }) => { if (name in detail) this.received = detail[name] }, { signal })
    window.addEventListener("explorer-save", (event) => {
      if (!this.timer && String(this.sent) !== String(this.received)) event.preventDefault()
    }, { signal })
  }

  // Send the place, unless the server has it already: the new run would drop the files of the buttons. While another page is
  // loading nothing is sent, and saving waits.
  send() {
    if (String(this.place) === String(this.sent)) return
    this.keep()
    this.sent = this.departure.begun ? null : this.place
    if (this.sent !== null) this.post(this.place)
  }

  remove() {
    this.departure.close()
    this.listening.abort()
  }
}
