// deploy/nginx/site.conf, the file that an operator starts from: nginx takes it, and holds back browsers, not backends.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { Program, freePort, source, until } from './harness.mjs';

let run;
let port;
let plainPort;
let nginx;
before(async () => {
    run = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-site-'));
    [plainPort, port] = [await freePort(), await freePort()];
    const operatorPort = await freePort();
    mkdirSync(path.join(run, 'nginx'));
    mkdirSync(path.join(run, 'tmp'));
    execFileSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=portal.example.com',
        '-keyout', path.join(run, 'privkey.pem'), '-out', path.join(run, 'fullchain.pem'),
    ], { stdio: 'ignore' });
    // As the head of the file says; beyond that only what this machine has elsewhere.
    const install = (name) => {
        const text = readFileSync(path.join(source, 'deploy/nginx', `${name}.conf`), 'utf8')
            .replaceAll('@SOCKET@', path.join(run, 'fcgi.sock')).replaceAll('@NGINX_DIR@', path.join(run, 'nginx'))
            .replaceAll('/etc/nginx/gatehouse', path.join(run, 'nginx')).replaceAll('/etc/letsencrypt/live/portal.example.com', run)
            .replaceAll('/var/log/nginx', run).replaceAll(/^ *listen \[::\].*\n/gm, '')
            .replace('listen 80;', `listen 127.0.0.1:${plainPort};`).replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
            .replace('listen 127.0.0.1:9180', `listen 127.0.0.1:${operatorPort}`);
        writeFileSync(path.join(run, 'nginx', `${name}.conf`), text);
    };
    for (const name of ['site', 'upstream', 'locations', 'operator', 'fastcgi', 'grpc', 'grpc_call']) install(name);
    const file = path.join(run, 'nginx.conf');
    const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${run}/tmp/${name};`).join('\n');
    writeFileSync(file, `daemon off;\npid ${run}/nginx.pid;\nerror_log ${run}/error.log;\nevents { }\nhttp {\n${temps}\ninclude ${run}/nginx/site.conf;\n}\n`);
    nginx = new Program(run, 'nginx', 'nginx', ['-e', `${run}/error.log`, '-c', file], { PATH: `${process.env.PATH}:/usr/sbin` });
    await until('nginx answering', async () => nginx.exit || (await ask('/static/none')) > 0);
    assert.equal(nginx.exit, undefined, nginx.text());
});
after(async () => {
    await nginx?.stop();
    if (run) rmSync(run, { recursive: true, force: true });
});

// The status, of a portal whose Gatehouse is not running.
const agent = new https.Agent({ keepAlive: true, maxSockets: 40 });
const ask = (where) => new Promise((resolve, reject) => {
    const options = { agent, headers: { host: 'portal.example.com' }, rejectUnauthorized: false };
    https.get(`https://127.0.0.1:${port}${where}`, options, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode));
    }).on('error', reject);
});
const burst = async (where) => (await Promise.all(Array.from({ length: 400 }, () => ask(where)))).filter((status) => status === 429).length;

test('plain HTTP leads to HTTPS', async () => {
    const location = await new Promise((resolve, reject) => {
        http.get(`http://127.0.0.1:${plainPort}/connect/gmail`, (answer) => resolve(answer.resume().headers.location)).on('error', reject);
    });
    assert.equal(location, 'https://portal.example.com/connect/gmail');
});

test('many calls from one address are a backend\'s, many pages are not a person\'s', async () => {
    for (const where of ['/api/v1/me', '/proxy/x', '/oauth/token']) assert.equal(await burst(where), 0, where);
    assert.ok(await burst('/') > 200);
    assert.equal(await ask('/api/v1/me'), 502, 'browsers and backends are counted apart');
});

test('a backend\'s one connection serves more calls than nginx would count by itself', async () => {
    const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    let wasEnded = false;
    session.on('goaway', () => { wasEnded = true; });
    const call = () => new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/api/v1/me', ':authority': 'portal.example.com' });
        stream.on('error', reject);
        stream.on('close', resolve);
        stream.resume();
    });
    try {
        for (let i = 0; i < 11; i += 1) await Promise.all(Array.from({ length: 100 }, call));
        assert.equal(wasEnded, false);
    } finally {
        session.close();
    }
});
