{{%AUTOESCAPE context="HTML"}}
<article class="sheet">
<svg class="icon icon-large" aria-hidden="true"><use href="/static/icons.svg#check"></use></svg>
<h1>The access key “{{NAME}}” is ready</h1>
<p>Copy it now. <strong>It is shown this once only</strong>, and nobody can look it up later.</p>
<p class="secret"><code id="key">{{KEY}}</code>
<button class="button button-secondary" type="button" data-copy="key" hidden>Copy</button></p>
<ul class="facts" role="list">
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#plug"></use></svg><div><strong>What it may do</strong><p>{{MAY}} {{WHERE}}.{{#TOOLS}} Only these tools: <code>{{TOOLS}}</code>{{/TOOLS}}</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#clock"></use></svg><div><strong>For how long</strong><p>{{ENDS}}.</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#lock"></use></svg><div><strong>Where to keep it</strong><p>In a password manager, or in your program’s own settings. Whoever has it can act in your name; if it gets out, revoke it here.</p></div></li>
</ul>
<details>
<summary>How a program shows it</summary>
<pre class="code" tabindex="0"><code>curl {{API_URL}}/api/v1/connections \
  -H 'Authorization: Bearer {{PREFIX}}…'</code></pre>
</details>
<div class="sheet-actions">
<a class="button button-primary" href="{{BACK_URL}}">I have copied it</a>
</div>
</article>
