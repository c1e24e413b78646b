// What operators do with gatehousectl is on record: who, what, when, and how it ended.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { after, before, describe, it } from 'node:test';
import { startStack } from './harness.mjs';
import { ADA } from './steps.mjs';

describe('the audit of administrative acts', () => {
    let stack;
    before(async () => {
        stack = await startStack({ withSim: false });
        const now = Date.now();
        stack.sql(`INSERT INTO user (issuer, subject, identifier, created_at) VALUES ('service', '${ADA}', '${ADA}', ${now})`, { write: true });
    });
    after(() => stack?.stop());

    const run = (...args) => spawnSync(stack.bin('gatehousectl'), args, { env: stack.environment, encoding: 'utf8' });
    // The newest `count` lines, newest first.
    const audit = (count) => stack.ctl('audit', '--limit', String(count)).replace(/\n$/, '').split('\n').map((line) => {
        const [at, who, action, outcome, person, subject, label] = line.split('\t');
        return { at, who, action, outcome, person, subject, label };
    });

    it('every command that acts leaves a line, and none that only looks', () => {
        const started = Date.now();
        const created = stack.ctl('token', 'create', '--service', '--label', 'reports', '--users', '*');
        const [id, secret] = created.split('\n');
        stack.ctl('token', 'revoke', id);
        stack.ctl('user', 'suspend', ADA);
        stack.ctl('user', 'resume', ADA);
        for (const looking of [['token', 'list'], ['user', 'list'], ['user', 'show', ADA], ['audit']]) stack.ctl(...looking);
        const lines = audit(10);
        assert.deepEqual(lines.map(({ action, outcome, person, subject, label }) => [action, outcome, person, subject, label]), [
            ['user resume', 'done', ADA, '', ''],
            ['user suspend', 'done', ADA, '', ''],
            ['token revoke', 'done', '', id, 'reports'],
            ['token create', 'done', '', id, 'reports'],
        ]);
        for (const { at, who } of lines) {
            assert.match(who, new RegExp(`^${os.userInfo().username} \\(uid ${process.getuid()}\\)`));
            assert.ok(Date.parse(at) >= started - 1 && Date.parse(at) <= Date.now(), at);
        }
        assert.doesNotMatch(JSON.stringify(stack.sql('SELECT * FROM admin_event')), new RegExp(secret));
    });

    it('what failed is there as failed, without what was typed', () => {
        assert.equal(run('token', 'revoke', 'ghs_pasted-by-mistake').status, 1);
        assert.equal(run('user', 'suspend', 'nobody@example.com').status, 1);
        assert.equal(run('token', 'create', '--label', 'x').status, 2);
        assert.deepEqual(audit(3).map(({ action, outcome, person, subject }) => [action, outcome, person, subject]), [
            ['token create', 'failed', '', ''], ['user suspend', 'failed', '', ''], ['token revoke', 'failed', '', ''],
        ]);
        assert.doesNotMatch(JSON.stringify(stack.sql('SELECT * FROM admin_event')), /pasted|nobody@/);
    });

    it('forgetting a person leaves no name behind, here neither', () => {
        stack.ctl('user', 'forget', ADA);
        const [last] = audit(1);
        assert.equal(last.action, 'user forget');
        assert.equal(last.outcome, 'done');
        assert.match(last.person, /^\(somebody forgotten, \d+\)$/);
        assert.doesNotMatch(stack.ctl('audit'), /ada@example/);
        assert.doesNotMatch(JSON.stringify(stack.sql('SELECT * FROM admin_event')), /ada@/);
    });

    it('what cannot be recorded is not done', () => {
        stack.sql("CREATE TRIGGER no_audit BEFORE INSERT ON admin_event BEGIN SELECT raise(ABORT, 'no room'); END", { write: true });
        const before = stack.sql('SELECT count(*) AS n FROM api_token')[0].n;
        const result = run('token', 'create', '--service', '--label', 'x', '--users', '*');
        assert.equal(result.status, 1);
        assert.match(result.stderr, /nothing was done: audit/);
        assert.equal(stack.sql('SELECT count(*) AS n FROM api_token')[0].n, before);
        stack.sql('DROP TRIGGER no_audit', { write: true });
    });

    it('its only option is a limit', () => {
        for (const args of [['--limit'], ['--limit', '0'], ['--limit', 'x'], ['--all'], ['--limit', '1', '2']]) {
            assert.equal(run('audit', ...args).status, 2, args.join(' '));
        }
        assert.equal(audit(2).length, 2);
    });
});
