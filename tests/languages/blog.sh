set -eu
reset-app snapshot save clean
trap 'reset-app snapshot restore clean --force' EXIT

test "$(sqlite3 blog.db 'SELECT count(*) FROM posts')" = 3
sqlite3 blog.db 'DELETE FROM posts WHERE id = 1'
rm uploads/bread.jpg
