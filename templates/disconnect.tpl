{{%AUTOESCAPE context="HTML"}}
<article class="sheet">
<span class="tile tile-large tint-{{TINT}}" aria-hidden="true">{{INITIALS}}</span>
{{#DISCONNECT}}
<h1>Disconnect {{NAME}}?</h1>
<ul class="facts" role="list">
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#stop"></use></svg><div><strong>What stops working</strong><p>Agents and services can no longer use {{NAME}} in your name. Nobody else is affected.</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#clock"></use></svg><div><strong>What stays</strong><p>The history of what was done, and everything inside {{NAME}} itself.</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#undo"></use></svg><div><strong>How to get it back</strong><p>Connect it again from its page whenever you like. You may be asked to sign in to {{NAME}} again.</p></div></li>
</ul>
{{/DISCONNECT}}
{{#REMOVE}}
<h1>Remove {{NAME}}?</h1>
<ul class="facts" role="list">
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#stop"></use></svg><div><strong>What stops working</strong><p>Agents and services can no longer use {{NAME}} in your name. Nobody else is affected.</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#clock"></use></svg><div><strong>What is deleted</strong><p>The stored access to your {{NAME}} account, for good. Everything inside {{NAME}} itself stays as it is.</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#undo"></use></svg><div><strong>How to get it back</strong><p>Connect {{NAME}} from the start, as if for the first time.</p></div></li>
</ul>
{{/REMOVE}}
{{#LAST_USED}}<p class="hint">Last used <time datetime="{{LAST_USED_ISO}}" title="{{LAST_USED_ISO}}">{{LAST_USED_TEXT}}</time>{{#LAST_USED_BY}} by {{LAST_USED_BY}}{{/LAST_USED_BY}}</p>{{/LAST_USED}}
<div class="sheet-actions">
<form method="post" action="{{ACTION_URL}}">
<input type="hidden" name="csrf" value="{{CSRF}}">
{{#DISCONNECT}}<button class="button button-danger" type="submit" name="action" value="disconnect">Disconnect {{NAME}}</button>{{/DISCONNECT}}
{{#REMOVE}}<button class="button button-danger" type="submit" name="action" value="remove">Remove {{NAME}}</button>{{/REMOVE}}
</form>
<a class="button button-quiet" href="{{CANCEL_URL}}">Keep it as it is</a>
</div>
</article>
