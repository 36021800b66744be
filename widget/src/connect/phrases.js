// What the connection says to people, in their language.

const catalogues = {
  en: {
    dir: "ltr",
    title: "Your AI key",
    connecting: "One moment…",
    none: "No key of yours is connected.",
    connected: "Your {provider} key ({key}) is connected.",
    paused: "Your {provider} key ({key}) is paused.",
    ended: "What you allowed with your {provider} key ({key}) has ended.",
    refused: "{provider} no longer accepts your key ({key}).",
    failed: "It can't be told at the moment whether a key is connected.",
    until: "Until {when}.",
    connect: "Connect your own key",
    manage: "Manage",
    retry: "Try again",
  },
  de: {
    dir: "ltr",
    title: "Ihr KI-Schlüssel",
    connecting: "Einen Moment …",
    none: "Es ist kein Schlüssel von Ihnen verbunden.",
    connected: "Ihr Schlüssel von {provider} ({key}) ist verbunden.",
    paused: "Ihr Schlüssel von {provider} ({key}) pausiert.",
    ended: "Was Sie mit Ihrem Schlüssel von {provider} ({key}) erlaubt haben, ist abgelaufen.",
    refused: "{provider} nimmt Ihren Schlüssel ({key}) nicht mehr an.",
    failed: "Zurzeit lässt sich nicht feststellen, ob ein Schlüssel verbunden ist.",
    until: "Bis {when}.",
    connect: "Eigenen Schlüssel verbinden",
    manage: "Verwalten",
    retry: "Noch einmal",
  },
  ar: {
    dir: "rtl",
    title: "مفتاحك للذكاء الاصطناعي",
    connecting: "لحظة…",
    none: "لم يربط أي مفتاح لك.",
    connected: "مفتاحك من {provider} ({key}) مربوط.",
    paused: "مفتاحك من {provider} ({key}) متوقف مؤقتًا.",
    ended: "انتهى ما سمحت به لمفتاحك من {provider} ({key}).",
    refused: "لم تعد {provider} تقبل مفتاحك ({key}).",
    failed: "لا يمكن الآن معرفة ما إذا كان هناك مفتاح مربوط.",
    until: "حتى {when}.",
    connect: "اربط مفتاحك الخاص",
    manage: "إدارة",
    retry: "حاول مجددًا",
  },
};

/** @typedef {keyof typeof catalogues.en} Phrase */

/** How people call the providers. */
const PROVIDERS = /** @type {Record<string, string>} */ ({
  openai: "OpenAI",
  "azure-openai": "Azure OpenAI",
  "azure-vision": "Azure AI Vision",
  deepl: "DeepL",
  stability: "Stability AI",
  anthropic: "Anthropic",
});

/** @param {string} name */
export const providerOf = (name) => PROVIDERS[name] ?? name;

/**
 * The phrases of a language; English stands in for what there is not.
 *
 * @param {string} wanted A language tag, as in `lang`.
 */
export function phrasesOf(wanted) {
  const short = wanted.toLowerCase().split(/[-_]/)[0] ?? "";
  const language = Object.hasOwn(catalogues, short) ? /** @type {keyof typeof catalogues} */ (short) : "en";
  const catalogue = catalogues[language];
  return {
    language,
    dir: catalogue.dir,
    /** @param {Phrase} phrase @param {Record<string, string>} [filled] */
    say: (phrase, filled = {}) => catalogue[phrase].replace(/\{(\w+)\}/g, (whole, name) => filled[name] ?? whole),
  };
}
