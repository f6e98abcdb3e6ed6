// Makes one of each of these classes for the document, of all pages.

export default function () {
  window.explorerGate ??= new SaveGate() // first: the others must not see a click that waits
  window.explorerPress ??= new PressKeeper()
  window.explorerLinks ??= new LinkKeeper() // before the focus, for the same reason
  window.explorerFocus ??= new FocusKeeper()
}
