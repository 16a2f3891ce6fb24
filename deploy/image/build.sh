#!/bin/sh
# make image: build the image without Docker and without a base to pull, and try it.
#
#     Debian's mirror ── mmdebstrap ──► base ── buildah, Containerfile ──► image ── read-only ──► demo
#
# As root, on Debian or Ubuntu, in two to four minutes; the base is kept in .image and made anew when
# it is a week old. Ends with 69 where what it needs is not installed.
set -eu
cd "$(dirname "$0")/../.."

made=$PWD/.image
most_megabytes=150
most_cpu_seconds=2
user=65532

missing=
for tool in mmdebstrap buildah; do
  command -v "$tool" > /dev/null || missing="$missing $tool"
done
if [ -n "$missing" ] || [ "$(id -u)" != 0 ]; then
  echo "make image: NOT BUILT" >&2
  [ -z "$missing" ] || echo "  not installed:$missing; apt-get install --no-install-recommends$missing" >&2
  [ "$(id -u)" = 0 ] || echo "  it needs root: to make a base and to enter it" >&2
  exit 69
fi

version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' webhookd/__init__.py)
mkdir -p "$made"

# Storage of its own: nothing of what the machine has is touched. Without overlayfs (or on top of
# one, where it cannot be), each layer is a whole copy, which takes a minute more.
driver=vfs
mkdir -p "$made/overlay/lower" "$made/overlay/upper" "$made/overlay/work" "$made/overlay/all"
if mount -t overlay -o "lowerdir=$made/overlay/lower,upperdir=$made/overlay/upper,workdir=$made/overlay/work" \
    overlay "$made/overlay/all" 2> /dev/null; then
  umount "$made/overlay/all"
  driver=overlay
fi
b() {
  command=$1
  shift
  buildah --root "$made/storage" --runroot "$made/run" --storage-driver "$driver" "$command" "$@"
}

if [ -z "$(find "$made/base.tar" -mtime -7 2> /dev/null)" ]; then
  echo "making a base of Debian packages ..."
  # Python, certificates, and what their installation runs; documents and translations are left out.
  mmdebstrap --quiet --variant=custom --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --include=base-files,base-passwd,bash,coreutils,dash,debianutils,diffutils,dpkg,findutils,grep \
    --include=gzip,hostname,init-system-helpers,libc-bin,login,mawk,ncurses-base,perl-base,sed,tar \
    --include=usr-is-merged,python3-minimal,python3-venv,ca-certificates \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    bookworm "$made/base.new.tar"
  mv "$made/base.new.tar" "$made/base.tar"
fi

echo "building webhookd:$version ..."
# What an earlier run made, the older base as well.
rm -rf "$made/storage" "$made/run" "$made/webhookd.oci" "$made/secrets"
mkdir "$made/secrets"
container=$(b from scratch)
b add --quiet "$container" "$made/base.tar" > /dev/null
b commit --quiet --rm "$container" webhookd-base > /dev/null

# pip in the build trusts whom it trusts here.
certificates=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
cp "$certificates" "$made/secrets/certificates"
{
  echo "[global]"
  echo "cert = /run/secrets/certificates.pem"
  [ -z "${PIP_INDEX_URL:-}" ] || echo "index-url = $PIP_INDEX_URL"
} > "$made/secrets/pip"
b build --quiet --isolation chroot --network host --format oci --layers=false \
  --build-arg BASE=localhost/webhookd-base --build-arg "VERSION=$version" \
  --secret id=pip,src="$made/secrets/pip" \
  --secret id=certificates,src="$made/secrets/certificates" \
  --tag "webhookd:$version" --file Containerfile . > /dev/null
b push --quiet "webhookd:$version" "oci:$made/webhookd.oci:$version" > /dev/null

# As it is sent over a network, which is what registries show.
megabytes=$(($(du -s -B 1 --apparent-size "$made/webhookd.oci" | cut -f 1) / 1000000))
echo "webhookd:$version has $megabytes MB, in $made/webhookd.oci"
[ "$megabytes" -lt "$most_megabytes" ] || { echo "that is not under $most_megabytes MB" >&2; exit 1; }

container=$(b from --quiet "webhookd:$version")
trap 'b rm "$container" > /dev/null' EXIT
root=$(b mount "$container")
words=$(b inspect --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}' "$container")
[ "$words" = "$user:$user [webhookd] [run]" ] || { echo "it runs as: $words" >&2; exit 1; }
b inspect --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' "$container" > "$made/environment"

# Entered as a restricted container is: that user, no way up, its variables, and nothing to write to
# but the folder of the state and /tmp. unshare ends all that runs in there.
enter() {
  unshare --mount --pid --fork --kill-child sh -euc '
    root=$1 user=$2 variables=$3
    shift 3
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs -o "uid=$user,gid=$user,mode=0750" tmpfs "$root/var/lib/webhookd"
    mkdir -p "$root/etc/webhookd"
    mount -t tmpfs -o mode=0755 tmpfs "$root/etc/webhookd"
    cp deploy/configuration/webhookd.yaml "$root/etc/webhookd"
    mount -o remount,bind,ro "$root"
    exec setpriv --no-new-privs chroot --userspec="$user:$user" "$root" \
      env --ignore-environment --chdir=/var/lib/webhookd $(cat "$variables") "$@"
  ' sh "$root" "$user" "$made/environment" "$@"
}

enter webhookd --version
enter webhookd check
enter webhookd demo
enter python3 - "$most_cpu_seconds" < deploy/image/try.py
echo "webhookd:$version works as user $user with a read-only root"
