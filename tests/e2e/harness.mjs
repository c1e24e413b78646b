// Starts the real thing for a test: nginx, gatehouse and the simulator, each on ports and in a folder of their own.
//
// startStack({ env, simArgs, withSim, withGatehouse, webhooks, wrap }) → { url, secureUrl, sim, run, programs, ctl(), token(), sql(), requests(), stop() … }
// The programs come from $GATE_BUILD (the build folder; tests/run sets it).
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const build = process.env.GATE_BUILD ?? path.join(source, 'build/release');

// Below the range from which the kernel takes ports for outgoing connections, so that none is taken between here and
// the program's own bind.
export async function freePort() {
    for (let tries = 0; tries < 100; tries++) {
        const port = 10000 + Math.floor(Math.random() * 20000);
        const isFree = await new Promise((resolve) => {
            const server = net.createServer();
            server.once('error', () => resolve(false));
            server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
        });
        if (isFree) return port;
    }
    throw new Error('no free port');
}

export async function until(what, check, timeoutMs = 20000) {
    const end = Date.now() + timeoutMs;
    let last;
    while (Date.now() < end) {
        try {
            if (await check()) return;
        } catch (error) {
            last = error;
        }
        await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`${what} did not happen within ${timeoutMs} ms${last ? `: ${last.message}` : ''}`);
}

export class Program {
    constructor(run, name, command, args, env) {
        this.name = name;
        this.log = path.join(run, `${name}.log`);
        const fd = openSync(this.log, 'a');
        this.child = spawn(command, args, { env, stdio: ['ignore', fd, fd] });
        this.ended = new Promise((resolve) => {
            this.child.once('exit', (code, signal) => {
                this.exit = { code, signal };
                resolve(this.exit);
            });
            this.child.once('error', (error) => {
                this.exit = { code: -1, signal: String(error) };
                resolve(this.exit);
            });
        });
    }

    get pid() {
        return this.child.pid;
    }

    text() {
        return readFileSync(this.log, 'utf8');
    }

    kill(signal = 'SIGTERM') {
        if (!this.exit) this.child.kill(signal);
        return this.ended;
    }

    async stop(graceMs = 20000) {
        const timer = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
        await this.kill();
        clearTimeout(timer);
        return this.exit;
    }
}

function writeNginxConfig(run, values) {
    const folder = path.join(run, 'nginx');
    mkdirSync(folder, { recursive: true });
    mkdirSync(path.join(run, 'nginx-tmp'), { recursive: true });
    for (const name of ['demo', 'upstream', 'locations', 'operator', 'fastcgi', 'grpc', 'grpc_call']) {
        let text = readFileSync(path.join(source, 'deploy/nginx', `${name}.conf`), 'utf8');
        for (const [key, value] of Object.entries({ ...values, NGINX_DIR: folder })) {
            text = text.replaceAll(`@${key}@`, value);
        }
        writeFileSync(path.join(folder, `${name}.conf`), text);
    }
    return path.join(folder, 'demo.conf');
}

// A certificate of its own for 127.0.0.1, as deploy/demo makes one.
function writeCertificate(run) {
    execFileSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1',
        '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', path.join(run, 'tls.key'), '-out', path.join(run, 'tls.crt'),
    ], { stdio: 'ignore' });
}

// Does somebody accept connections on this unix socket?
export function isListening(socketPath) {
    return new Promise((resolve) => {
        const socket = net.connect(socketPath);
        socket.once('connect', () => {
            socket.destroy();
            resolve(true);
        });
        socket.once('error', () => resolve(false));
    });
}

// Exactly these bytes to nginx, and what came back: { status, headers, text }. `end`: our side closes after sending.
export function sendRaw(url, bytes, { end = false, timeoutMs = 20000 } = {}) {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
        const chunks = [];
        const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
        const finish = () => {
            socket.destroy();
            const text = Buffer.concat(chunks).toString('latin1');
            const [head, ...rest] = text.split('\r\n\r\n');
            const [first, ...lines] = head.split('\r\n');
            const headers = new Headers();
            for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim());
            resolve({ status: Number(first.split(' ')[1] ?? 0), headers, text: rest.join('\r\n\r\n') });
        };
        socket.setTimeout(timeoutMs, () => reject(new Error('no answer on the raw connection')));
        socket.on('data', (chunk) => chunks.push(chunk));
        socket.on('end', finish);
        socket.on('error', (error) => (chunks.length ? finish() : reject(error)));
        socket.on('connect', () => (end ? socket.end(bytes) : socket.write(bytes)));
    });
}

// `wrap`: words before gatehouse's command. `webhooks`: the simulator sends its events to the portal, signed with stack.webhookSecret.
export async function startStack({ env = {}, simArgs = [], withSim = true, withGatehouse = true, connections = 0, webhooks = false, wrap = [] } = {}) {
    const run = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-e2e-'));
    const port = await freePort();
    const tlsPort = await freePort();
    const simPort = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const simUrl = `http://127.0.0.1:${simPort}`;
    const programs = {};
    const secretFile = (name) => {
        const file = path.join(run, name);
        writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600 });
        return file;
    };
    const scalekitSecret = secretFile('scalekit-secret');
    const oidcSecret = secretFile('oidc-secret');
    const webhookSecret = `whsec_${randomBytes(32).toString('base64')}`;
    const webhookFile = path.join(run, 'webhook-secret');
    if (webhooks) writeFileSync(webhookFile, webhookSecret, { mode: 0o600 });
    const settings = {
        ...(webhooks ? { SCALEKIT_WEBHOOK_SECRET_FILE: webhookFile } : {}),
        GATEHOUSE_PUBLIC_URL: url,
        GATEHOUSE_SOCKET: path.join(run, 'fcgi.sock'),
        GATEHOUSE_DATABASE: path.join(run, 'gatehouse.db'),
        GATEHOUSE_TEMPLATES_DIR: path.join(source, 'templates'),
        GATEHOUSE_SECRET_FILE: secretFile('secret'),
        SCALEKIT_ENVIRONMENT_URL: simUrl,
        SCALEKIT_CLIENT_ID: 'skc_test',
        SCALEKIT_CLIENT_SECRET_FILE: scalekitSecret,
        OIDC_ISSUER: simUrl,
        OIDC_CLIENT_ID: 'portal',
        OIDC_CLIENT_SECRET_FILE: oidcSecret,
        OIDC_IDENTIFIER_CLAIM: 'email',
        ...env,
    };
    if (env.OIDC_CLIENT_SECRET) delete settings.OIDC_CLIENT_SECRET_FILE;
    const clean = { PATH: `${process.env.PATH}:/usr/sbin`, HOME: run, ...settings };
    for (const name of ['ASAN_OPTIONS', 'TSAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'LD_LIBRARY_PATH']) {
        if (process.env[name]) clean[name] = process.env[name];
    }
    const bin = (name) => path.join(build, name);
    const wrapped = (words) => { const [first, ...rest] = [...wrap, ...words]; return [first, rest]; };

    const startSim = async () => {
        programs.sim = new Program(run, 'scalekit-sim', bin('scalekit-sim'), [
            '--port', String(simPort), '--client-id', 'skc_test', '--client-secret-file', scalekitSecret,
            '--oidc-client-id', 'portal', '--oidc-client-secret-file', oidcSecret,
            '--redirect-uri', `${url}/signin/callback`, '--control',
            ...(connections ? ['--connections', String(connections)] : []),
            ...(webhooks ? ['--webhook-url', `${url}/webhooks/scalekit`, '--webhook-secret-file', webhookFile] : []), ...simArgs,
        ], clean);
        await until('the simulator answering', async () => programs.sim.exit || (await fetch(`${simUrl}/.well-known/openid-configuration`)).ok);
    };
    const startGatehouse = async () => {
        programs.gatehouse = new Program(run, 'gatehouse', ...wrapped([bin('gatehouse')]), clean);
        await until('gatehouse listening', () => programs.gatehouse.exit || isListening(settings.GATEHOUSE_SOCKET));
        if (programs.gatehouse.exit) throw new Error(`gatehouse ended: ${programs.gatehouse.text()}`);
    };
    const stack = {
        url, secureUrl: `https://127.0.0.1:${tlsPort}`, certificate: path.join(run, 'tls.crt'), run, settings, programs, startSim, startGatehouse, environment: clean, bin,
        sim: simUrl, webhookSecret,
        ctl(...args) {
            return execFileSync(bin('gatehousectl'), args, { env: clean, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
        },
        token(options = {}) {
            const { users = '*', connections: allowed = '*', tools = '*', scopes, label = 'test', personal, days } = options;
            const args = ['token', 'create', '--label', label, '--connections', allowed, '--tools', tools, '--quiet'];
            args.push(...(personal ? ['--personal', personal] : ['--service', '--users', users]));
            if (scopes) args.push('--scopes', scopes);
            if (days) args.push('--days', String(days));
            return stack.ctl(...args).trim();
        },
        async simPost(where, body) {
            const answer = await fetch(`${simUrl}${where}`, {
                method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? {}),
            });
            if (!answer.ok) throw new Error(`${where}: ${answer.status} ${await answer.text()}`);
            return answer;
        },
        fault: (fault) => stack.simPost('/sim/faults', { times: -1, ...fault }), // until clearFaults(), unless told otherwise
        clearFaults: () => fetch(`${simUrl}/sim/faults`, { method: 'DELETE' }),
        // A GET at the operator's own door: { status, headers, text }.
        operator: (where) => new Promise((resolve, reject) => {
            http.get({ socketPath: path.join(run, 'operator.sock'), path: where, headers: { host: 'operator' } }, (answer) => {
                const chunks = [];
                answer.on('data', (chunk) => chunks.push(chunk));
                answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(chunks).toString() }));
            }).on('error', reject);
        }),
        simLog: async () => (await (await fetch(`${simUrl}/sim/log`)).json()).requests,
        // Rows of the database as objects; read-only unless told otherwise.
        sql(statement, { write = false } = {}) {
            const text = execFileSync('sqlite3', [
                ...(write ? [] : ['-readonly']), '-json', '-cmd', '.timeout 5000', settings.GATEHOUSE_DATABASE, statement,
            ], { encoding: 'utf8' });
            return text.trim() ? JSON.parse(text) : [];
        },
        // Gatehouse's log lines about requests, as objects.
        requests: () => logLines(path.join(run, 'gatehouse.log')).filter((line) => line.event === 'request'),
        // A program of ours with other settings, to its end: { code, text }.
        runGatehouse(changes = {}, args = [], options = {}) {
            const wanted = { ...clean, ...changes };
            for (const name of Object.keys(wanted)) if (wanted[name] === undefined) delete wanted[name];
            const result = spawnSync(bin('gatehouse'), args, { env: wanted, encoding: 'utf8', timeout: 20000, ...options });
            return { code: result.status, text: `${result.stdout}${result.stderr}` };
        },
        async stop() {
            const exits = {};
            for (const name of ['nginx', 'gatehouse', 'sim']) {
                if (programs[name]) exits[name] = await programs[name].stop();
            }
            const log = programs.gatehouse?.text() ?? '';
            if (!process.env.GATE_KEEP) rmSync(run, { recursive: true, force: true });
            // A sanitizer's report or a crash fails whatever test was using the program.
            if (/ERROR: (Address|Leak|Thread|UndefinedBehavior)Sanitizer|WARNING: ThreadSanitizer|runtime error:/.test(log)) {
                throw new Error(`sanitizer report:\n${log.slice(-6000)}`);
            }
            if (exits.gatehouse && exits.gatehouse.code !== 0 && !stack.mayCrash) {
                throw new Error(`gatehouse ended with ${JSON.stringify(exits.gatehouse)}:\n${log.slice(-3000)}`);
            }
            return exits;
        },
    };
    try {
        if (withSim) await startSim();
        if (withGatehouse) await startGatehouse();
        const config = writeNginxConfig(run, {
            RUN_DIR: run, SOCKET: settings.GATEHOUSE_SOCKET, PORT: String(port), TLS_PORT: String(tlsPort), SHARE_DIR: source,
        });
        writeCertificate(run);
        programs.nginx = new Program(run, 'nginx', 'nginx', [
            '-e', path.join(run, 'nginx-error.log'), '-c', config,
            // Started by root, nginx would become somebody who may not enter our folder.
            ...(process.getuid() === 0 ? ['-g', 'user root;'] : []),
        ], clean);
        await until('the portal answering', async () => programs.nginx.exit || programs.gatehouse?.exit || (await fetch(`${url}/healthz`)).ok || !withGatehouse);
        for (const name of ['nginx', 'gatehouse']) {
            if (programs[name]?.exit) throw new Error(`${name} ended: ${programs[name].text()}`);
        }
        return stack;
    } catch (error) {
        error.message += `\n${programs.gatehouse?.text().slice(-2000) ?? ''}`;
        await stack.stop().catch(() => {});
        throw error;
    }
}

// key=value lines, values quoted where needed.
export function logLines(file) {
    return readFileSync(file, 'utf8').split('\n').filter((line) => line.startsWith('time=')).map((line) => {
        const pairs = line.matchAll(/([a-z_]+)=("(?:[^"\\]|\\.)*"|\S*)/g);
        return Object.fromEntries([...pairs].map(([, name, value]) => [name, value.startsWith('"') ? value.slice(1, -1) : value]));
    });
}

// A browser as far as HTTP goes: cookies, redirects one at a time, forms by their fields.
export class Browser {
    constructor() {
        this.cookies = new Map(); // per host:port
    }

    jar(url) {
        const host = new URL(url).host;
        if (!this.cookies.has(host)) this.cookies.set(host, new Map());
        return this.cookies.get(host);
    }

    async request(url, { method = 'GET', form, headers = {}, body } = {}) {
        const jar = this.jar(url);
        const sent = { ...headers };
        if (jar.size) sent.cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
        if (form) {
            body = new URLSearchParams(form).toString();
            sent['content-type'] = 'application/x-www-form-urlencoded';
            method = 'POST';
        }
        const answer = await fetch(url, { method, headers: { accept: 'text/html', ...sent }, body, redirect: 'manual' });
        for (const line of answer.headers.getSetCookie()) {
            const [pair, ...attributes] = line.split(';').map((part) => part.trim());
            const at = pair.indexOf('=');
            const gone = attributes.some((attribute) => /^max-age=0$/i.test(attribute));
            if (gone) jar.delete(pair.slice(0, at));
            else jar.set(pair.slice(0, at), pair.slice(at + 1));
        }
        const text = await answer.text();
        const location = answer.headers.get('location');
        return { status: answer.status, headers: answer.headers, text, url, location: location && new URL(location, url).href };
    }

    async follow(url, options = {}, most = 12) {
        let answer = await this.request(url, options);
        while (answer.location && most-- > 0) answer = await this.request(answer.location);
        return answer;
    }

    // Sign in through the simulator as one of its people.
    async signIn(stack, person = 'ada', returnTo = '/') {
        const start = await this.request(`${stack.url}/signin?go=1&return_to=${encodeURIComponent(returnTo)}`);
        return this.follow(`${start.location}&sim_person=${person}`);
    }
}

export const field = (html, name) => new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1];
