{{%AUTOESCAPE context="HTML"}}
<div class="page-head">
<h1>Connectors</h1>
<p class="lead">The apps that agents and services may use in your name. You decide which ones, and you can stop it at any time.</p>
</div>
{{#STALE}}
<p class="stale"><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#clock"></use></svg><span>Shown as it was <time datetime="{{STALE_ISO}}" title="{{STALE_ISO}}">{{STALE_TEXT}}</time>. We cannot check for changes at the moment. <a href="/">Try again</a></span></p>
{{/STALE}}
{{#NEEDS_YOU}}
<section class="group" aria-labelledby="needs-you">
<h2 id="needs-you">Needs you <span class="count">{{COUNT}}</span></h2>
<ul class="cards" role="list">
{{>CARD}}
</ul>
</section>
{{/NEEDS_YOU}}
{{#CONNECTED}}
<section class="group" aria-labelledby="connected">
<h2 id="connected">Connected <span class="count">{{COUNT}}</span></h2>
<ul class="cards" role="list">
{{>CARD}}
</ul>
</section>
{{/CONNECTED}}
{{#AVAILABLE}}
<section class="group" aria-labelledby="available">
<h2 id="available">Available <span class="count">{{COUNT}}</span></h2>
<ul class="cards" role="list">
{{>CARD}}
</ul>
</section>
{{/AVAILABLE}}
{{#EMPTY}}
<div class="empty">
<h2>Nothing to connect yet</h2>
<p>No apps have been set up for {{BRAND}}. Ask the person who runs it to add the first one. It will then appear here.</p>
<p><a class="button button-secondary" href="/">Look again</a></p>
</div>
{{/EMPTY}}
