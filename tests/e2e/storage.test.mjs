// The store under stress, in the running service: a disk that is full, copies made and put back.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Browser, startStack, until } from './harness.mjs';
import { ADA, assertProblem, callApi, connect, executeTool, startConnecting } from './steps.mjs';

describe('the store under stress', () => {
    let stack;
    let ada;
    let token;
    before(async () => {
        stack = await startStack();
        ada = new Browser();
        await ada.signIn(stack);
        await connect(ada, stack, 'gmail');
        token = stack.token({ scopes: 'tools:read tools:execute proxy:read' });
    });
    after(() => stack?.stop());

    const database = () => stack.settings.GATEHOUSE_DATABASE;
    const ctl = (...args) => spawnSync(stack.bin('gatehousectl'), args, { env: stack.environment, encoding: 'utf8' });
    const rows = () => stack.sql('SELECT count(*) AS n FROM tool_call')[0].n;
    const limitFiles = (bytes) => execFileSync('prlimit', ['--pid', String(stack.programs.gatehouse.pid), `--fsize=${bytes}:unlimited`]);
    const executed = async () => (await stack.simLog()).filter(({ path: at }) => at === '/api/v1/execute_tool' || at.includes('/proxy/')).length;
    const ready = async () => callApi(stack, '/readyz');

    it('a full disk: pages answer, writes are refused and nothing is run without a trail; then it goes on by itself', async () => {
        assert.equal((await executeTool(stack, token)).status, 200);
        const page = await ada.request(`${stack.url}/connectors/gmail`); // whose form is sent later
        const before = rows();
        limitFiles(4096);
        try {
            await until('the service seeing that nothing can be written', async () => (await ready()).status === 503);
            assert.match(assertProblem(await ready(), 503, 'storage-unavailable').detail, /database/, 'readiness says why');
            assert.equal((await ada.request(`${stack.url}/`)).status, 200, 'reading goes on');
            assert.equal((await callApi(stack, '/api/v1/connections', { token, user: ADA })).status, 200);
            const sent = await executed();
            const refused = await executeTool(stack, token);
            assertProblem(refused, 503, 'storage-unavailable');
            assert.ok(refused.headers.get('retry-after'));
            const proxied = await callApi(stack, '/proxy/anything', { token, user: ADA, headers: { 'connection-name': 'gmail' } });
            assertProblem(proxied, 503, 'storage-unavailable');
            assert.equal(await executed(), sent, 'nothing was run');
            const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)[1];
            const connecting = await ada.request(`${stack.url}/connectors/slack/connect`, { form: { csrf } });
            assert.equal(connecting.status, 503);
            assert.match(connecting.text, /could not be saved/);
            assert.equal((await callApi(stack, '/healthz')).status, 200);
        } finally {
            limitFiles('unlimited');
        }
        await until('writing again without a restart', async () => (await ready()).status === 200);
        assert.equal((await executeTool(stack, token)).status, 200);
        assert.ok(await startConnecting(ada, stack, 'slack'));
        assert.equal(rows(), before + 1);
    });

    it('backs up while it is written, and refuses to restore under a running service', async () => {
        const copy = path.join(stack.run, 'copy.db');
        let stop = false;
        const calls = (async () => {
            let made = 0;
            while (!stop) made += (await executeTool(stack, token)).status === 200 ? 1 : 0;
            return made;
        })();
        const told = stack.ctl('backup', copy);
        stop = true;
        assert.ok(await calls >= 1);
        assert.match(told, /copy\.db holds the database as it was just now: \d+ bytes, schema \d+/);
        assert.equal(statSync(copy).mode & 0o777, 0o600);
        assert.equal(execFileSync('sqlite3', [copy, 'PRAGMA integrity_check'], { encoding: 'utf8' }).trim(), 'ok');
        const again = ctl('backup', copy);
        assert.equal(again.status, 1);
        assert.match(again.stderr, /is there already/);
        const refused = ctl('restore', copy);
        assert.equal(refused.status, 1);
        assert.match(refused.stderr, /in use/);
        assert.equal((await ready()).status, 200);
        assert.match(stack.ctl('check', '--deep'), /^database +ok: looked through$/m);
    });

    it('restores a copy once stopped, and refuses what is none', async () => {
        const copy = path.join(stack.run, 'second.db');
        stack.ctl('backup', copy);
        const then = rows();
        await executeTool(stack, token);
        assert.equal((await stack.programs.gatehouse.stop()).code, 0);
        assert.equal(rows(), then + 1);
        const rubbish = path.join(stack.run, 'rubbish.db');
        writeFileSync(rubbish, 'x'.repeat(8192));
        assert.match(ctl('restore', rubbish).stderr, /not a database/);
        assert.equal(rows(), then + 1);
        assert.equal(ctl('restore', copy).status, 0);
        await stack.startGatehouse();
        assert.equal(rows(), then);
        assert.equal((await ada.request(`${stack.url}/`)).status, 200, 'the session is in the copy');
        assert.equal((await executeTool(stack, token)).status, 200);
    });

    it('does not start on a damaged database, says so, and comes back from a copy', async () => {
        const copy = path.join(stack.run, 'third.db');
        stack.ctl('backup', copy);
        assert.equal((await stack.programs.gatehouse.stop()).code, 0);
        execFileSync('dd', ['if=/dev/urandom', `of=${database()}`, 'bs=4096', 'seek=3', 'count=6', 'conv=notrunc', 'status=none']);
        const failed = stack.runGatehouse();
        assert.notEqual(failed.code, 0);
        assert.match(failed.text, /damaged; restore it from a backup/);
        assert.equal(ctl('restore', copy).status, 0);
        await stack.startGatehouse();
        assert.equal((await executeTool(stack, token)).status, 200);
        unlinkSync(copy);
        assert.equal(existsSync(`${database()}.damaged`), false, 'a database that can be locked is not moved');
    });
});
