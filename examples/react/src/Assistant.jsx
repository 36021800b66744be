/** Where tokens come from. One function for all renders: a new one would ask anew. */
const getToken = async () => (await fetch("/token", { method: "POST" })).json();

/**
 * An AddOn as a component. React 19 sets properties of custom elements and listens to their events, so
 * nothing lies between.
 */
export function Assistant({ clientId, handle, baseUrl, context, onApply }) {
  return (
    <keystead-addon
      client-id={clientId}
      handle={handle}
      base-url={baseUrl}
      apply="Use it"
      getToken={getToken}
      context={context}
      onkeystead-apply={(event) => onApply(event.detail.text)}
    />
  );
}
