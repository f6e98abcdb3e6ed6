// The gate of the save buttons on the Edit page.

const DROPPED = "explorer-click-dropped"

class SaveGate extends Gate {
  constructor(changesPending) {
    super(SAVE, changesPending)
  }

  // page.css dims the buttons by this attribute.
  set closed(closed) { document.documentElement.toggleAttribute("data-edit-pending", closed) }
  get closed() { return document.documentElement.hasAttribute("data-edit-pending") }

  // Keep, for the next editor, whether a click is still waiting, which ends with this page.
  keep() {
    remember(DROPPED, Boolean(this.clicked))
  }

  // Return whether the previous page was left while a click was waiting.
  static takeDropped() {
    const dropped = recall(DROPPED)
    remember(DROPPED, false)
    return dropped
  }
}
