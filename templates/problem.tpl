{{%AUTOESCAPE context="HTML"}}
<article class="sheet sheet-plain">
<svg class="icon icon-large" aria-hidden="true"><use href="/static/icons.svg#alert"></use></svg>
<h1>{{HEADING}}</h1>
<p>{{WHAT_IT_MEANS}}</p>
{{#ACTION}}
<div class="sheet-actions">
<a class="button button-primary" href="{{ACTION_URL}}">{{ACTION_LABEL}}</a>
</div>
{{/ACTION}}
<p class="request">If you ask for help, quote <code id="request-id">{{REQUEST_ID}}</code>
<button class="copy" type="button" data-copy="request-id" hidden>Copy</button></p>
</article>
