// nginx in front of the simulator, without Gatehouse: what the same call costs at best.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort, until } from '../e2e/harness.mjs';

export async function startDirect(stack) {
    const run = path.join(stack.run, 'direct');
    mkdirSync(run, { recursive: true });
    const port = await freePort();
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${run}/${name};`).join(' ');
    writeFileSync(path.join(run, 'nginx.conf'), `daemon off; worker_processes 2; worker_rlimit_nofile 65536; pid ${run}/nginx.pid; error_log ${run}/error.log warn;
events { worker_connections 16384; }
http {
    access_log off; ${temporary} keepalive_requests 1000000;
    upstream scalekit { server ${new URL(stack.sim).host}; keepalive 4096; keepalive_requests 1000000; }
    server {
        listen 127.0.0.1:${port};
        location / { proxy_pass http://scalekit; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
}
`);
    const child = spawn('nginx', ['-e', path.join(run, 'error.log'), '-c', path.join(run, 'nginx.conf'),
        ...(process.getuid() === 0 ? ['-g', 'user root;'] : [])], { stdio: 'ignore' });
    const url = `http://127.0.0.1:${port}`;
    await until('nginx in front of the simulator', async () => (await fetch(`${url}/.well-known/openid-configuration`)).ok);
    const answer = await fetch(`${stack.sim}/oauth/token`, {
        method: 'POST',
        body: new URLSearchParams({
            grant_type: 'client_credentials', client_id: stack.settings.SCALEKIT_CLIENT_ID,
            client_secret: readFileSync(stack.settings.SCALEKIT_CLIENT_SECRET_FILE, 'utf8'),
        }),
    });
    const { access_token: token } = await answer.json();
    return { url, token, stop: () => new Promise((resolve) => { child.once('exit', resolve); child.kill(); }) };
}
