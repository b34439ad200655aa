#!/usr/bin/env bash
# A copy of this machine that vanishes with the test, with processes and a network of its own. WORK: an empty folder, ROOT: this
# tree, SCRIPT: what runs inside.
set -euo pipefail
mount -t tmpfs -o size=3g tmpfs "$WORK"
mkdir "$WORK"/{upper,work,root,script,clone,clone-work}
cp "$SCRIPT" "$WORK/script/guide.sh"
mount -t overlay overlay -o "lowerdir=/,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/root"
cd "$WORK/root"
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
mkdir -p opt/guahao
mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$WORK/clone,workdir=$WORK/clone-work" opt/guahao
rm -rf opt/guahao/.venv
mount -t proc proc proc
mount --rbind /dev dev
ip link set lo up
chmod 1777 tmp
mv "$WORK/script/guide.sh" tmp/guide.sh
exec chroot . bash -euo pipefail /tmp/guide.sh
