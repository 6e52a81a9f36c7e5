#!/bin/sh
# Lets Rocket.Chat's own published validators judge tests/it/bodies.json, the table that the fake is tested with.
# Needs Node and npm; not part of the tests. Usage: validators.sh [VERSION]
set -eu
table=$(cd "$(dirname "$0")/../tests/it" && pwd)/bodies.json
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# A plain install fails: one dependency patches typia by a URL that only yarn understands.
cat > package.json <<JSON
{"private": true, "dependencies": {"@rocket.chat/rest-typings": "${1:-8.8.1}"},
 "devDependencies": {"esbuild": "0.28.2"}, "overrides": {"typia": "9.7.2"}}
JSON
npm install --legacy-peer-deps --no-audit --no-fund --silent
# Node refuses the ESM build, which imports folders; so it is bundled.
echo "export * from '@rocket.chat/rest-typings';" > entry.mjs
npx esbuild entry.mjs --bundle --platform=node --format=cjs --outfile=validators.cjs --log-level=error
TABLE="$table" node - <<'JS'
const validators = require('./validators.cjs');
const judges = {
  'chat.sendMessage': validators.isChatSendMessageProps,
  'chat.postMessage': validators.isChatPostMessageProps,
  'chat.update': validators.isChatUpdateProps,
  'chat.delete': validators.isChatDeleteProps,
  'chat.react': validators.isChatReactProps,
};
let differ = 0;
for (const [call, fits, body] of require(process.env.TABLE)) {
  // Validators coerce and change what they judge, so they get a copy.
  if (judges[call](structuredClone(body)) !== fits) {
    differ += 1;
    console.log(`${call}: the table says ${fits}, the validator says ${!fits}: ${JSON.stringify(body)}`);
  }
}
console.log(differ === 0 ? 'The table agrees with the published validators.' : `${differ} differ.`);
process.exit(differ === 0 ? 0 : 1);
JS
