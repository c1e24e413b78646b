// README's examples, taken out of README and run as they stand, against a portal in place of portal.example.com.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Browser, source, startStack, until } from './harness.mjs';
import { ADA, callApi, connect, disconnect } from './steps.mjs';

const readme = readFileSync(path.join(source, 'README.md'), 'utf8');
const section = /^## The JSON endpoint$(.*?)^## /ms.exec(readme)[1];
const blocks = [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language, text }));
const example = (language, mark) => {
    const found = blocks.filter((block) => block.language === language && block.text.includes(mark));
    assert.equal(found.length, 1, `one ${language} example with ${mark}`);
    return found[0].text;
};

describe('README', () => {
    let stack;
    let ada;
    let token;
    let client;
    before(async () => {
        stack = await startStack();
        token = stack.token({ label: 'readme' });
        const told = stack.ctl('token', 'create', '--service', '--label', 'client', '--users', ADA, '--connections', '*', '--tools', '*');
        client = Object.fromEntries([...told.matchAll(/^(SCALEKIT_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
        ada = new Browser();
        await ada.signIn(stack);
    });
    after(() => stack?.stop());

    function run(command, args, text) {
        const file = path.join(stack.run, `example${args.at(-1)}`);
        writeFileSync(file, text.replaceAll('https://portal.example.com', stack.url));
        const child = spawn(command, [...args.slice(0, -1), file], { env: { PATH: process.env.PATH, HOME: stack.run, TOKEN: token, ...client } });
        const result = { out: '', err: '' };
        child.stdout.on('data', (chunk) => { result.out += chunk; });
        child.stderr.on('data', (chunk) => { result.err += chunk; });
        result.ended = new Promise((resolve, reject) => {
            child.once('error', reject);
            child.once('close', (code) => (code === 0 ? resolve(result.out) : reject(new Error(`ended with ${code}: ${result.err}`))));
        });
        return result;
    }
    const programs = {
        curl: () => run('bash', ['-e', '.sh'], example('sh', "curl https://portal.example.com")),
        'curl, as it is written for Scalekit': () => run('bash', ['-e', '.sh'], example('sh', '/oauth/token')),
        Node: () => run(process.execPath, ['.mjs'], example('js', 'execute_tool')),
        Python: () => run('python3', ['.py'], example('python', 'execute_tool')),
    };

    it('the token command, as it is written', () => {
        const words = example('sh', 'gatehousectl token').trim().replaceAll("'", '').split(/\s+/);
        assert.equal(words.shift(), 'gatehousectl');
        assert.match(stack.ctl(...words), /ghs_/);
    });

    describe('with Gmail connected', () => {
        before(() => connect(ada, stack, 'gmail'));
        for (const [name, start] of Object.entries(programs)) {
            it(name, async () => {
                const out = await start().ended;
                assert.match(out, /messages/);
                if (!name.startsWith('curl')) assert.match(out, /gmail_send_email/, 'it lists the tools first');
            });
        }
    });

    describe('with Gmail not connected yet', () => {
        beforeEach(async () => {
            const { json } = await callApi(stack, '/api/v1/connections/gmail', { token, user: ADA });
            if (json.status !== null) await disconnect(ada, stack, 'gmail', 'remove');
        });
        it('curl gets the link', async () => {
            const problem = JSON.parse(await programs.curl().ended);
            assert.equal(problem.authorization_url, `${stack.url}/connect/gmail`);
            const shown = JSON.parse(example('json', 'authorization_url'));
            assert.equal(shown.type.replace('https://portal.example.com', stack.url), problem.type);
            for (const member of Object.keys(shown)) {
                if (member !== 'account_status') assert.ok(member in problem, `README shows ${member}`);
            }
        });
        for (const name of ['Node', 'Python']) {
            it(`${name} waits for the user, then goes on`, async () => {
                const program = programs[name]();
                await until('the program asking for the user', () => program.out.includes(`${stack.url}/connect/gmail`));
                await connect(ada, stack, 'gmail');
                assert.match(await program.ended, /messages/);
            });
        }
    });
});
