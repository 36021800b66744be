// A link's token stands behind its `#`, which browsers send to nobody. This takes it from there, out of
// the address and the history as well, and sends it with the form.

const take = () => {
  const form = document.querySelector("form[data-link]");
  const token = location.hash.slice(1);
  if (!form || !token.startsWith("ksl1_")) return;
  history.replaceState(null, "", location.pathname);
  form.elements.link.value = token;
  form.requestSubmit();
};

take();
// The link opened where this page is already: browsers change the address and load nothing.
addEventListener("hashchange", take);
