// The page's part: where its tokens come from. It runs in strict pages too, since it is a file.
const addon = document.querySelector("keystead-addon");
addon.getToken = async () => (await fetch("/token", { method: "POST" })).json();
