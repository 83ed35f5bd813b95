import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';

const snapshot = (...words) => execFileSync('reset-app', ['snapshot', ...words]);
const execute = (sql) => execFileSync('sqlite3', ['blog.db', sql], { encoding: 'utf8' }).trim();

before(() => snapshot('save', 'clean'));
afterEach(() => snapshot('restore', 'clean', '--force'));
after(() => snapshot('drop', 'clean'));

for (const turn of [1, 2]) {
  test(`deleting a post, ${turn}`, () => {
    assert.equal(execute('SELECT count(*) FROM posts'), '3');
    execute('DELETE FROM posts WHERE id = 1');
    rmSync('uploads/bread.jpg');
  });
}
