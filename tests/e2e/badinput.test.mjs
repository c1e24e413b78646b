// What strangers and mistakes send: each is answered in one clear way, and the service goes on.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Browser, isListening, sendRaw, startStack } from './harness.mjs';
import { ADA, GRACE, assertGuarded, assertProblem, callApi, connect, csrfOf, executeTool, fetchMails } from './steps.mjs';

const EXECUTE = '/api/v1/execute_tool';

// Another process that holds the database's lock.
async function lockDatabase(file) {
    const child = spawn('sqlite3', [file], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.write('BEGIN EXCLUSIVE;\n.print locked\n');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    return {
        release() {
            child.stdin.end('ROLLBACK;\n');
            return ended;
        },
    };
}

describe('bad input', () => {
    let stack;
    let ada;
    let token;
    before(async () => {
        stack = await startStack();
        token = stack.token();
        ada = new Browser();
        await ada.signIn(stack);
        await connect(ada, stack, 'gmail');
    });
    // Whatever was thrown at it: the service is there, and it is the same process.
    afterEach(async () => {
        assert.equal(stack.programs.gatehouse.exit, undefined, 'gatehouse ended');
        assert.equal((await executeTool(stack, token)).status, 200);
    });
    after(() => stack?.stop());

    const raw = (lines, body = '', options = {}) => {
        const head = [...lines, 'Host: portal', 'Connection: close', '', ''].join('\r\n');
        return sendRaw(stack.url, Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]), options);
    };
    const session = () => `Cookie: gatehouse-session=${ada.jar(stack.url).get('gatehouse-session')}`;
    const execute = (body, headers = {}) => callApi(stack, EXECUTE, { token, user: ADA, method: 'POST', body, headers });
    const calls = async () => (await stack.simLog()).filter((entry) => entry.path === EXECUTE).length;
    const invalid = async (body, headers) => {
        const count = await calls();
        const problem = assertProblem(await execute(body, headers), 400, 'invalid-request');
        assert.equal(await calls(), count, 'Scalekit was asked');
        return problem;
    };

    describe('bodies', () => {
        it('too large for JSON: 413 as a problem, up to and beyond what nginx takes', async () => {
            const call = (bytes) => JSON.stringify({ ...fetchMails, params: { query: 'x'.repeat(bytes) } });
            assert.equal((await execute(call(1024 * 1024 - 200))).status, 200, 'a megabyte is fine');
            assertProblem(await execute(call(1024 * 1024 + 10)), 413, 'too-large');
            const huge = await execute(call(20 * 1024 * 1024)).catch((error) => error);
            assert.ok(huge.status === 413 || huge instanceof TypeError, `${huge.status}`);
        });

        it('too large for a form: 413', async () => {
            const answer = await ada.request(`${stack.url}/connectors/gmail/disconnect`, {
                form: { csrf: await csrfOf(ada, stack), action: 'x'.repeat(17000) },
            });
            assert.equal(answer.status, 413);
            assertGuarded(answer);
        });

        it('shorter than announced: nothing is carried out', async () => {
            const count = await calls();
            const body = JSON.stringify(fetchMails);
            const head = [`POST ${EXECUTE} HTTP/1.1`, `Authorization: Bearer ${token}`, `Gatehouse-User: ${ADA}`, 'Content-Type: application/json'];
            const answer = await raw([...head, `Content-Length: ${body.length + 50}`], body, { end: true }).catch(() => ({ status: 0 }));
            assert.ok([0, 400].includes(answer.status) || Number.isNaN(answer.status), `${answer.status}`);
            for (const wrong of ['Content-Length: -1', 'Content-Length: 1x', 'Content-Length: 99999999999999999999', 'Transfer-Encoding: nonsense']) {
                const refused = await raw([...head, wrong], body);
                assert.ok(refused.status >= 400, wrong);
            }
            assert.equal(await calls(), count);
        });

        it('two lengths, or a length and chunks: no request is smuggled behind another', async () => {
            const count = await calls();
            const smuggled = `POST ${EXECUTE} HTTP/1.1\r\nHost: portal\r\nAuthorization: Bearer ${token}\r\nGatehouse-User: ${ADA}\r\n`
                + `Content-Type: application/json\r\nContent-Length: 50\r\n\r\n${JSON.stringify(fetchMails)}`;
            for (const lengths of [['Content-Length: 0', `Content-Length: ${smuggled.length}`], ['Content-Length: 5', 'Transfer-Encoding: chunked']]) {
                const answer = await raw(['POST /signout HTTP/1.1', session(), ...lengths], `0\r\n\r\n${smuggled}`);
                assert.equal(answer.status, 400);
            }
            assert.equal(await calls(), count);
        });

        it('a body where none belongs is not read as the next request', async () => {
            const count = await calls();
            const inner = `POST ${EXECUTE} HTTP/1.1\r\nHost: portal\r\nAuthorization: Bearer ${token}\r\n\r\n`;
            for (const method of ['GET', 'POST', 'DELETE']) {
                const answer = await raw([`${method} /healthz HTTP/1.1`, `Content-Length: ${inner.length}`], inner);
                assert.ok([200, 405, 413].includes(answer.status), `${method}: ${answer.status}`);
            }
            for (let i = 0; i < 20; i++) assert.equal((await callApi(stack, '/healthz')).status, 200);
            assert.equal(await calls(), count);
        });

        it('a wrong content type: 415', async () => {
            for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'multipart/form-data; boundary=x', 'application/json2']) {
                assertProblem(await execute(JSON.stringify(fetchMails), { 'content-type': type }), 415, 'unsupported-media-type');
            }
            const csrf = await csrfOf(ada, stack);
            const answer = await ada.request(`${stack.url}/connectors/gmail/disconnect`, {
                method: 'POST', body: JSON.stringify({ csrf, action: 'disconnect' }), headers: { 'content-type': 'application/json' },
            });
            assert.equal(answer.status, 415);
            const bare = await raw([`POST ${EXECUTE} HTTP/1.1`, `Authorization: Bearer ${token}`, `Gatehouse-User: ${ADA}`, 'Content-Length: 2'], '{}');
            assert.equal(bare.status, 415);
        });

        it('JSON that is none, or not strict', async () => {
            for (const body of ['', ' ', '{', '[]', '"text"', 'null', '7', '{"tool_name":}', "{'tool_name':'x'}", '{"tool_name":"x",}', '{} {}',
                '{"a":1}x', '// no\n{}', '{"tool_name":NaN}', '{"tool_name":01}', '\uFEFF{}', '{"tool_name":"a\nb"}', '{"tool_name":"\\x41"}']) {
                await invalid(body);
            }
        });

        it('JSON with the same key twice, anywhere', async () => {
            await invalid('{"tool_name":"gmail_fetch_mails","connector":"gmail","connector":"slack"}');
            await invalid('{"tool_name":"gmail_fetch_mails","connector":"gmail","params":{"a":1,"a":2}}');
            await invalid('{"tool_name":"gmail_fetch_mails","connector":"gmail","conn\\u0065ctor":"slack"}');
        });

        it('JSON that is too deep, whatever its size', async () => {
            for (const depth of [33, 1000, 150000]) {
                await invalid(`{"tool_name":"gmail_fetch_mails","connector":"gmail","params":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`);
                await invalid(`{"tool_name":"gmail_fetch_mails","connector":"gmail","params":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`);
            }
        });

        it('text that is not UTF-8, and NUL', async () => {
            for (const bytes of ['\xff', '\xc0\xaf', '\xed\xa0\x80', '\xf4\x90\x80\x80', '\xe2\x82', '\x00']) {
                const body = Buffer.from(`{"tool_name":"gmail_fetch_mails","connector":"gmail","params":{"a":"${bytes}"}}`, 'latin1');
                const answer = await raw([`POST ${EXECUTE} HTTP/1.1`, `Authorization: Bearer ${token}`, `Gatehouse-User: ${ADA}`,
                    'Content-Type: application/json', `Content-Length: ${body.length}`], body);
                assert.equal(answer.status, 400, escape(bytes));
            }
            await invalid('{"tool_name":"gmail\\u0000_fetch","connector":"gmail"}');
            await invalid('{"tool_name":"gmail_fetch_mails","connector":"gm\\u0000ail"}');
            // Half a surrogate pair is what scripts make of a cut emoji: passed on as it came.
            assert.equal((await execute('{"tool_name":"gmail_fetch_mails","connector":"gmail","params":{"a":"\\ud800"}}')).status, 200);
        });

        it('members that are unknown, of the wrong kind, or too long', async () => {
            await invalid({ ...fetchMails, timeout: 5 });
            for (const wrong of [7, null, [], {}, '', 'a\nb', 'x'.repeat(129)]) {
                await invalid({ ...fetchMails, tool_name: wrong });
                if (wrong !== null) await invalid({ ...fetchMails, connector: wrong });
                if (wrong !== null) await invalid({ ...fetchMails, agent_run_id: wrong });
            }
            for (const wrong of [7, 'text', [], true]) await invalid({ ...fetchMails, params: wrong });
        });
    });

    describe('fields', () => {
        it('unknown and repeated ones are refused and named', async () => {
            const get = (query) => callApi(stack, `/api/v1/tools/scoped?${query}`, { token, user: ADA });
            assert.match(assertProblem(await get('colour=red'), 400, 'invalid-request').detail, /colour/);
            assert.match(assertProblem(await get('page_size=1&page_size=2'), 400, 'invalid-request').detail, /page_size/);
            for (const number of ['-1', '101', '1.5', '1e1', 'x', '', ' 1', '0x1', '99999999999999999999']) {
                assertProblem(await get(`page_size=${encodeURIComponent(number)}`), 400, 'invalid-request');
            }
            assertProblem(await get(`page_token=${'x'.repeat(1025)}`), 400, 'invalid-request');
            assertProblem(await get(Array.from({ length: 65 }, () => 'filter.providers=x').join('&')), 400, 'invalid-request');
            assertProblem(await get('page_token=a%00b'), 400, 'invalid-request');
            assertProblem(await get('page_token=%ff'), 400, 'invalid-request');
            assertProblem(await get('page_token=%zz'), 400, 'invalid-request');
            assertProblem(await get('page_token=a%0d%0ab'), 400, 'invalid-request');
        });

        it('in forms just the same', async () => {
            const csrf = await csrfOf(ada, stack);
            const post = (body) => ada.request(`${stack.url}/connectors/gmail/disconnect`, {
                method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' },
            });
            for (const body of [`csrf=${csrf}&csrf=${csrf}&action=disconnect`, `csrf=${csrf}&action=disconnect&action=remove`, `csrf=${csrf}`,
                `csrf=${csrf}&action=`, `csrf=${csrf}&action=explode`, `csrf=${csrf}&action=disconnect&colour=red`, `csrf=${csrf}&action=%00`]) {
                assert.equal((await post(body)).status, 400, body.replace(csrf, '…'));
            }
            assert.ok((await ada.request(`${stack.url}/connectors/gmail`)).text.includes('status-connected'));
        });

        it('CR and LF in values never become headers', async () => {
            const csrf = await csrfOf(ada, stack);
            for (const evil of ['/%0d%0aSet-Cookie: evil=1', '/\r\nSet-Cookie: evil=1', '/a\nX-Evil: 1', '/a\rX-Evil: 1', '/a\u0085X-Evil: 1', '/a\u2028X-Evil: 1']) {
                const answers = [
                    await new Browser().request(`${stack.url}/signin?go=1&return_to=${encodeURIComponent(evil)}`),
                    await ada.request(`${stack.url}/signin?return_to=${encodeURIComponent(evil)}`),
                    await ada.request(`${stack.url}/connect/gmail?return_to=${encodeURIComponent(evil)}`),
                    await ada.request(`${stack.url}/connectors/gmail/connect`, { form: { csrf, return_to: evil } }),
                ];
                for (const answer of answers) {
                    assert.ok(answer.status < 500, `${escape(evil)}: ${answer.status}`);
                    assert.equal(answer.headers.get('x-evil'), null);
                    assert.ok(!answer.headers.getSetCookie().some((line) => line.startsWith('evil')));
                }
            }
        });
    });

    describe('addresses', () => {
        it('percent tricks lead nowhere', async () => {
            for (const where of ['/connectors/%2e%2e', '/connectors/%2e%2e/', '/static/%2e%2e/templates/layout.tpl', '/static/..%2ftemplates/layout.tpl',
                '/connectors/..%2fapi', '/connectors/a%2fb', '/connectors/a%2Fb', '/connectors/a%5cb', '/connectors/a%5Cb', '/connectors/a%00b',
                '/connectors/%c0%ae%c0%ae', '/connectors/%c0%af', '/connectors/%ff', '/connectors/%', '/connectors/%2', '/connectors/%zz',
                '/connectors/a%0d%0aX-Evil:1', '/connectors/a%09b', '/connectors/a%7fb', '/connectors/a\\b', '//connectors/gmail', '/connectors//gmail',
                '/connectors/gmail/', '/./connectors/gmail', '/connectors/gmail/../gmail', '/%63onnectors/%2e', '/connectors/gmail;x=1']) {
                const answer = await raw([`GET ${where} HTTP/1.1`, session(), 'Accept: text/html']);
                const isPlain = ['/./connectors/gmail', '/connectors/gmail/../gmail'].includes(where);
                assert.ok([400, 404].includes(answer.status) || isPlain, `${where}: ${answer.status}`);
                assert.equal(answer.headers.get('x-evil'), null);
                assert.doesNotMatch(answer.text, /AUTOESCAPE|\{\{/);
            }
            assert.equal((await raw(['GET /%63onnectors/%67mail HTTP/1.1', session()])).status, 200, 'plain escapes are fine');
        });

        it('over-long everything', async () => {
            const long = 'x'.repeat(9000);
            assert.equal((await raw([`GET /connectors/${long} HTTP/1.1`, session()])).status, 400);
            assert.ok([400, 414].includes((await raw([`GET /?${'x'.repeat(20000)} HTTP/1.1`, session()])).status));
            assert.equal((await raw([`GET /connectors/${'x'.repeat(129)} HTTP/1.1`, session()])).status, 404);
            assert.ok((await raw(['GET / HTTP/1.1', `X-Long: ${'x'.repeat(20000)}`])).status >= 400);
            const many = Array.from({ length: 300 }, (_, i) => `X-Many-${i}: 1`);
            assert.ok([303, 400, 431].includes((await raw(['GET / HTTP/1.1', ...many])).status));
            const cookies = `Cookie: ${Array.from({ length: 200 }, (_, i) => `c${i}=1`).join('; ')}`;
            assert.equal((await raw(['GET / HTTP/1.1', cookies])).status, 303);
            assert.equal((await raw(['GET / HTTP/1.1', `Cookie: gatehouse-session=${'x'.repeat(5000)}`])).status, 303);
            assert.equal((await raw(['GET /api/v1/me HTTP/1.1', `Authorization: Bearer ghp_${'x'.repeat(7000)}`])).status, 401);
        });

        it('hosts and schemes of a request are not believed', async () => {
            const answer = await sendRaw(stack.url, 'GET /connectors/gmail HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n'
                + 'X-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\nConnection: close\r\n\r\n');
            assert.equal(answer.status, 303);
            assert.doesNotMatch(answer.headers.get('location'), /evil/);
            const absolute = await sendRaw(stack.url, 'GET http://evil.example/api/v1/nothing HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
            assert.doesNotMatch(absolute.text, /evil/);
        });

        it('a header with underscores is the one with dashes, and so cannot stand beside it', async () => {
            const ask = (...headers) => raw(['GET /api/v1/me HTTP/1.1', `Authorization: Bearer ${token}`, ...headers]);
            assert.equal(JSON.parse((await ask(`Gatehouse_User: ${ADA}`)).text).user.identifier, ADA);
            for (const [first, second] of [[ADA, GRACE], [GRACE, ADA], [ADA, ADA]]) {
                assert.equal((await ask(`Gatehouse-User: ${first}`, `Gatehouse_User: ${second}`)).status, 400);
            }
        });

        it('no HTTP at all', async () => {
            assert.equal((await sendRaw(stack.url, 'NONSENSE\r\n\r\n')).status || 400, 400);
            assert.equal((await raw(['GET / HTTP/9.9'])).status, 505);
            assert.ok((await raw(['BREW / HTTP/1.1', session(), 'Accept: text/html'])).status === 405);
        });
    });
});

// Each ends with exit code 1 and one clear sentence.
describe('starting with something wrong', () => {
    let stack;
    before(async () => {
        stack = await startStack({ withSim: false });
    });
    after(() => stack?.stop());

    const fails = (changes, sentence, { args = [], options = {} } = {}) => {
        const fresh = { GATEHOUSE_SOCKET: path.join(stack.run, 'other.sock'), GATEHOUSE_DATABASE: path.join(stack.run, 'other.db') };
        const { code, text } = stack.runGatehouse({ ...fresh, ...changes }, args, options);
        assert.equal(code, 1, text);
        assert.match(text, sentence);
        const complaints = text.trim().split('\n').filter((line) => line.startsWith('gatehouse: '));
        assert.equal(complaints.length, 1, text);
        return text;
    };

    it('the socket is in use by a living process, which goes on', async () => {
        fails({ GATEHOUSE_SOCKET: stack.settings.GATEHOUSE_SOCKET }, /another process is listening on .*fcgi\.sock/);
        assert.equal((await callApi(stack, '/healthz')).status, 200);
    });

    it('the socket was left by a dead process: it just works', async () => {
        await stack.programs.gatehouse.kill('SIGKILL');
        assert.ok(existsSync(stack.settings.GATEHOUSE_SOCKET));
        assert.equal(await isListening(stack.settings.GATEHOUSE_SOCKET), false);
        await stack.startGatehouse();
        assert.equal((await callApi(stack, '/healthz')).status, 200);
    });

    it('a file that is not a socket is left alone', () => {
        const file = path.join(stack.run, 'precious');
        writeFileSync(file, 'precious');
        fails({ GATEHOUSE_SOCKET: file }, /precious exists and is not a socket/);
        assert.equal(readFileSync(file, 'utf8'), 'precious');
    });

    it('a folder of the socket that does not exist', () => {
        fails({ GATEHOUSE_SOCKET: path.join(stack.run, 'no/such/fcgi.sock') }, /directory .*no\/such.* cannot be opened: No such file/);
    });

    it('a database from a newer version is not touched', () => {
        const file = path.join(stack.run, 'newer.db');
        spawnSync('sqlite3', [file, 'PRAGMA application_id = 1195463749; PRAGMA user_version = 999; CREATE TABLE t (x);']);
        const before = readFileSync(file);
        fails({ GATEHOUSE_DATABASE: file }, /newer\.db was written by a newer version/);
        assert.deepEqual(readFileSync(file), before);
    });

    it('a database of another program, and no database at all', () => {
        const file = path.join(stack.run, 'foreign.db');
        spawnSync('sqlite3', [file, 'CREATE TABLE mine (x);']);
        fails({ GATEHOUSE_DATABASE: file }, /foreign\.db is not a Gatehouse database/);
        const text = path.join(stack.run, 'text.db');
        writeFileSync(text, 'This is no database, but long enough to be taken for one. '.repeat(40));
        fails({ GATEHOUSE_DATABASE: text }, /text\.db is not a database file/);
        assert.match(readFileSync(text, 'utf8'), /^This is no database/);
    });

    it('a database that may not be written', () => {
        const folder = path.join(stack.run, 'readonly');
        mkdirSync(folder);
        const file = path.join(folder, 'gatehouse.db');
        spawnSync('sqlite3', [stack.settings.GATEHOUSE_DATABASE, `VACUUM INTO '${file}'`]);
        chmodSync(file, 0o444);
        chmodSync(folder, 0o555);
        const options = {};
        if (process.getuid() === 0) { // root may write anything; so somebody else tries
            Object.assign(options, { uid: 65534, gid: 65534 });
            chmodSync(stack.run, 0o755);
            chmodSync(path.join(stack.run, 'readonly'), 0o555);
            for (const name of ['secret', 'scalekit-secret', 'oidc-secret']) chownSync(path.join(stack.run, name), 65534, 65534);
        }
        fails({ GATEHOUSE_DATABASE: file }, /gatehouse\.db.*(may not be written|read-only)/, { options });
        chmodSync(folder, 0o755);
        if (process.getuid() === 0) {
            for (const name of ['secret', 'scalekit-secret', 'oidc-secret']) chownSync(path.join(stack.run, name), 0, 0);
        }
    });

    it('a database locked by another process: said after a while, not waited for for ever', async () => {
        const file = path.join(stack.run, 'locked.db');
        spawnSync('sqlite3', [stack.settings.GATEHOUSE_DATABASE, `VACUUM INTO '${file}'`]);
        spawnSync('sqlite3', [file, 'PRAGMA journal_mode = DELETE']);
        const lock = await lockDatabase(file);
        fails({ GATEHOUSE_DATABASE: file }, /locked/);
        await lock.release();
    });

    it('templates that are missing, or one of them', () => {
        fails({ GATEHOUSE_TEMPLATES_DIR: path.join(stack.run, 'nowhere') }, /nowhere/);
        const folder = path.join(stack.run, 'templates');
        cpSync(stack.settings.GATEHOUSE_TEMPLATES_DIR, folder, { recursive: true });
        unlinkSync(path.join(folder, 'connect.tpl'));
        fails({ GATEHOUSE_TEMPLATES_DIR: folder }, /connect\.tpl/);
    });

    it('a setting that does not exist is named', () => {
        fails({ GATEHOUSE_COLOUR: 'red' }, /GATEHOUSE_COLOUR/);
        fails({ SCALEKIT_CLIENT_SECRETE: 'value-of-it' }, /SCALEKIT_CLIENT_SECRETE/);
        const file = path.join(stack.run, 'settings.conf');
        writeFileSync(file, 'GATEHOUSE_WORKERS=4\nWORKERS=3\n');
        fails({}, /WORKERS in the settings file/, { args: ['--config', file] });
    });

    it('a setting that is missing is named, all of them at once', () => {
        fails({ GATEHOUSE_PUBLIC_URL: undefined, OIDC_CLIENT_ID: undefined }, /GATEHOUSE_PUBLIC_URL OIDC_CLIENT_ID/);
    });

    it('a bad value is named; a secret\'s is never shown', () => {
        for (const [name, value] of [['GATEHOUSE_WORKERS', 'many'], ['GATEHOUSE_WORKERS', '0'], ['GATEHOUSE_PUBLIC_URL', 'http://portal.example.com'],
            ['GATEHOUSE_PUBLIC_URL', 'https://portal.example.com/path'], ['GATEHOUSE_KEEP_CONNECTIONS', 'perhaps'], ['GATEHOUSE_LOG_LEVEL', 'loud'],
            ['GATEHOUSE_DATABASE', 'relative.db'], ['SCALEKIT_ENVIRONMENT_URL', 'ftp://example.com'], ['GATEHOUSE_SESSION_IDLE', '1']]) {
            fails({ [name]: value }, new RegExp(name));
        }
        const text = fails({ GATEHOUSE_SECRET: 'too-short-but-secret', GATEHOUSE_SECRET_FILE: undefined }, /GATEHOUSE_SECRET/);
        assert.doesNotMatch(text, /too-short-but-secret/);
        const both = fails({ GATEHOUSE_SECRET: 'x'.repeat(31) + 'DIFFERENT' }, /GATEHOUSE_SECRET/);
        assert.doesNotMatch(both, /DIFFERENT/);
        fails({ GATEHOUSE_SECRET_FILE: path.join(stack.run, 'no-such-file') }, /GATEHOUSE_SECRET_FILE.*no-such-file/);
    });

    it('--check-config says the same without starting', () => {
        assert.equal(stack.runGatehouse({}, ['--check-config']).code, 0);
        const { code, text } = stack.runGatehouse({ GATEHOUSE_WORKERS: 'many' }, ['--check-config']);
        assert.equal(code, 1);
        assert.match(text, /GATEHOUSE_WORKERS/);
    });

    it('--version, --help and an option that does not exist', () => {
        assert.match(stack.runGatehouse({}, ['--version']).text, /^gatehouse \d+\.\d+\.\d+/);
        assert.match(stack.runGatehouse({}, ['--help']).text, /GATEHOUSE_PUBLIC_URL/);
        assert.equal(stack.runGatehouse({}, ['--colour']).code, 2);
    });
});

describe('a database in trouble while running', () => {
    let stack;
    let ada;
    before(async () => {
        stack = await startStack();
        ada = new Browser();
        await ada.signIn(stack);
    });
    after(() => stack?.stop());

    it('locked by another process: pages are shown, writes say so in time, and nothing is claimed that was not saved', async () => {
        const csrf = await csrfOf(ada, stack);
        const lock = await lockDatabase(stack.settings.GATEHOUSE_DATABASE);
        assert.equal((await ada.request(`${stack.url}/`)).status, 200);
        const started = Date.now();
        const answer = await ada.request(`${stack.url}/connectors/gmail/connect`, { form: { csrf } });
        assert.equal(answer.status, 503);
        assert.ok(Number(answer.headers.get('retry-after')) > 0);
        assert.match(answer.text, /could not be saved/);
        assert.ok(Date.now() - started < 15000);
        await lock.release();
        const again = await ada.request(`${stack.url}/connectors/gmail/connect`, { form: { csrf } });
        assert.equal(again.status, 303);
    });
});
