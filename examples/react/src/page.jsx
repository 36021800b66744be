import { useState } from "react";
import { createRoot } from "react-dom/client";

import { Assistant } from "./Assistant.jsx";

function Page({ addon }) {
  const [text, setText] = useState("Our workshop is closed on Monday.");
  return (
    <>
      <h1>An AddOn in a React application</h1>
      <label htmlFor="note">A note</label>
      <textarea id="note" rows={4} value={text} onChange={(event) => setText(event.target.value)} />
      <Assistant {...addon} context={text} onApply={setText} />
    </>
  );
}

// Before the first render: on an element that is not defined yet, React would set attributes.
await customElements.whenDefined("keystead-addon");
const root = document.getElementById("root");
createRoot(root).render(<Page addon={{ ...root.dataset }} />);
