// Files of data/, as reports/data_files.py describes them. `opener` returns `load(path)`, which promises what PATH.js holds,
// reads each file once while it is kept, and keeps the latest `most`. `root` is where data/ lies, `layout` the only one
// (or ones) whose files may be read, and `whole` what a page that stands alone has of them.
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

function opener({ root, layout, whole = {} }, most = 40) {
  const waiting = new Map();
  const kept = new Map();
  const addresses = window.trustedTypes?.createPolicy("apigauge", { createScriptURL: (address) => address });
  window.apigauge = (path, text) => waiting.get(path)?.(JSON.parse(text));

  function read(path) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const fail = (why) => reject(new Error(`data/${path}.js ${why}`));
      waiting.set(path, (data) => {
        if ([layout].flat().includes(data.layout)) resolve(data);
        else fail("is of another report; load this page again, or write the report again");
      });
      const end = (why) => {
        waiting.delete(path);
        script.remove();
        fail(why);
      };
      script.onload = () => end("holds something else");
      script.onerror = () => end("cannot be read; it belongs next to the pages");
      const address = `${root}data/${path}.js`;
      script.src = addresses?.createScriptURL(address) ?? address;
      document.head.append(script);
    });
  }

  return (path) => {
    if (Object.hasOwn(whole, path)) return Promise.resolve(whole[path]);
    const data = kept.get(path) ?? read(path);
    kept.delete(path);
    kept.set(path, data);
    data.catch(() => kept.delete(path));
    if (kept.size > most) kept.delete(kept.keys().next().value);
    return data;
  };
}

// A column as numbers: the place of each row's value in `values`.
function columnOf({ values, codes }) {
  let width = 1;
  while (64 ** width < values.length) width += 1;
  const digit = new Uint8Array(128);
  for (const [place, letter] of [...DIGITS].entries()) digit[letter.charCodeAt(0)] = place;
  const places = new Int32Array(codes.length / width);
  for (let at = 0; at < codes.length; at += 1) {
    const row = Math.floor(at / width);
    places[row] = 64 * places[row] + digit[codes.charCodeAt(at)];
  }
  return { values, places, at: (row) => values[places[row]] };
}
