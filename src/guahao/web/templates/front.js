// On a phone the mini program is the page.
if (window.matchMedia('(max-width: 500px)').matches) {
  window.location.replace(`/m/${window.location.search}${window.location.hash}`)
}
